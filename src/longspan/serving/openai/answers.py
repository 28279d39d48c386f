"""What comes of a chat as OpenAI's answer, whole or in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.events import Called, Done, Ended, Event, Read, Spoken
from longspan.serving.openai.quoting import annotations_of, citations_of
from longspan.serving.openai.usage import Head, progress_of, timings_of, usage_of
from longspan.serving.web.streams import frame
from longspan.spans import Citation
from longspan.spans.logprobs import Logprob, Logprobs

_NEVER = -9999.0


@dataclass(kw_only=True)
class _Message:
    """One answer as it comes together."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    likely: list[dict[str, Any]] = field(default_factory=list)
    citations: Sequence[Citation] = ()
    why: str | None = None

    def take(self, event: Event) -> None:
        if isinstance(event, Spoken):
            if event.reasoning:
                self.reasoning += event.text
            else:
                self.text += event.text
                self.likely += [likely_of(each) for each in event.logprobs]
        elif isinstance(event, Called):
            call = self.calls.setdefault(
                event.number,
                {"id": event.id, "type": "function", "function": {"name": event.name, "arguments": ""}},
            )
            call["function"]["arguments"] += event.arguments
        elif isinstance(event, Ended):
            self.why, self.citations = event.why, event.citations

    def choice(self, index: int, likely: bool) -> dict[str, Any]:
        calls = [self.calls[number] for number in sorted(self.calls)]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if calls and not self.text else self.text,
            "refusal": None,
            "annotations": annotations_of(self.citations),
        }
        if calls:
            message["tool_calls"] = calls
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        return {
            "index": index,
            "message": message,
            "finish_reason": self.why,
            "logprobs": {"content": self.likely, "refusal": None} if likely else None,
        }


def whole_chat(head: Head, events: Iterable[Event], count: int, *, likely: bool) -> dict[str, Any]:
    """The answer to a chat. likely: whether the likelihoods of tokens were asked for."""
    messages = [_Message() for _ in range(count)]
    done = None
    for event in events:
        if isinstance(event, Spoken | Called | Ended):
            messages[event.index].take(event)
        elif isinstance(event, Done):
            done = event
    choices = [each.choice(index, likely) for index, each in enumerate(messages)]
    cited = [quote for index, each in enumerate(messages) for quote in citations_of(each.citations, index)]
    if done is None:
        return head.of(choices, longspan={"citations": cited})
    return head.of(
        choices,
        usage=usage_of(done.used),
        timings=timings_of(done.used),
        longspan={"citations": cited, "notes": list(done.notes)},
    )


@dataclass(kw_only=True)
class ChatChunks:
    """What is sent for each event of a chat.

    count: answers. usage: whether a chunk of its own tells it at the end. progress: whether reading is told of.
    likely: as for a whole answer. The last chunk with a choice waits for the end, since it tells the timings.
    """

    head: Head
    count: int = 1
    usage: bool = False
    progress: bool = False
    likely: bool = False
    _begun: set[int] = field(default_factory=set)
    _ended: int = 0
    _last: dict[str, Any] | None = None

    def __call__(self, event: Event) -> list[bytes]:
        """The frames of an event."""
        return [frame(each) for each in self.chunks(event)] + (
            [frame("[DONE]")] if isinstance(event, Done) else []
        )

    def chunks(self, event: Event) -> list[dict[str, Any]]:
        """The chunks of an event."""
        if isinstance(event, Read):
            return (
                [*self._begin(0), self._chunk(0, {}, prompt_progress=progress_of(event))]
                if self.progress
                else []
            )
        if isinstance(event, Spoken):
            return [*self._begin(event.index), self._spoken(event)]
        if isinstance(event, Called):
            return [*self._begin(event.index), self._chunk(event.index, {"tool_calls": [_piece(event)]})]
        if isinstance(event, Ended):
            return self._begin(event.index) + self._end(event)
        if isinstance(event, Done):
            return self._done(event)
        return []

    def _begin(self, index: int) -> list[dict[str, Any]]:
        if index in self._begun:
            return []
        self._begun.add(index)
        return [self._chunk(index, {"role": "assistant", "content": "", "refusal": None})]

    def _spoken(self, event: Spoken) -> dict[str, Any]:
        if event.reasoning:
            return self._chunk(event.index, {"reasoning_content": event.text})
        likely = [likely_of(each) for each in event.logprobs]
        told = {"content": likely, "refusal": None} if self.likely and likely else None
        return self._chunk(event.index, {"content": event.text}, logprobs=told)

    def _end(self, event: Ended) -> list[dict[str, Any]]:
        annotations = annotations_of(event.citations)
        delta = {"annotations": annotations} if annotations else {}
        cited = citations_of(event.citations, event.index)
        chunk = self._chunk(
            event.index, delta, why=event.why, **({"longspan": {"citations": cited}} if cited else {})
        )
        self._ended += 1
        if self._ended < self.count:
            return [chunk]
        self._last = chunk
        return []

    def _done(self, event: Done) -> list[dict[str, Any]]:
        found = []
        if self._last is not None:
            self._last["timings"] = timings_of(event.used)
            if event.notes:
                self._last.setdefault("longspan", {})["notes"] = list(event.notes)
            found.append(self._last)
        if self.usage:
            found.append(self.head.of([], usage=usage_of(event.used), timings=timings_of(event.used)))
        return found

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, Any],
        why: str | None = None,
        logprobs: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": why}
        return self.head.of([choice], **({"usage": None} if self.usage else {}), **more)


def _piece(event: Called) -> dict[str, Any]:
    piece: dict[str, Any] = {"index": event.number, "function": {"arguments": event.arguments}}
    if event.id or event.name:
        piece |= {"id": event.id, "type": "function"}
        piece["function"] = {"name": event.name, "arguments": event.arguments}
    return piece


def likely_of(told: Logprobs) -> dict[str, Any]:
    """How likely a token was, and the likeliest."""
    return {**_likely(told.own), "top_logprobs": [_likely(each) for each in told.likeliest]}


def _likely(one: Logprob) -> dict[str, Any]:
    return {"token": one.text, "logprob": max(one.value, _NEVER), "bytes": list(one.data)}

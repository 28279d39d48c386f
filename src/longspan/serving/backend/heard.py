"""What an engine says, chunk by chunk, as events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from longspan.serving.backend.engine import estimated
from longspan.serving.events import Called, Done, Ended, Event, Read, Spoken, Used, Why
from longspan.serving.refused import Refused
from longspan.spans.logprobs import Logprob, Logprobs

_WHY: dict[str, Why] = {"length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}


class Heard:
    """One request, whose events `of` gives for each chunk, and `end` at the end.

    prompt: its tokens, as they are counted here. count: answers.
    """

    def __init__(self, *, prompt: int, count: int) -> None:
        self._prompt, self._count = prompt, count
        self._began, self._first = time.monotonic(), 0.0
        self._usage: Mapping[str, Any] = {}
        self._said = 0
        self._ends: dict[int, Ended] = {}
        self._notes: list[str] = []

    def of(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        """The events of a chunk."""
        progress = chunk.get("prompt_progress")
        if isinstance(progress, dict):
            yield _read(progress)
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = usage
        for choice in chunk.get("choices") or ():
            yield from self._choice(choice)

    def end(self) -> Iterator[Event]:
        """The end, once no more comes. Raises Refused where an answer has none: it may have been cut off."""
        if len(self._ends) < self._count:
            raise Refused(
                "the engine stopped in the midst of its answer; try again",
                kind="failed",
                code="engine_failed",
            )
        yield Done(used=self._used(), notes=tuple(self._notes))

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        index = choice.get("index") or 0
        delta = choice.get("delta") or {}
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            yield self._spoken(Spoken(index=index, text=thought, reasoning=True))
        text = delta.get("content") or choice.get("text")
        likely = _likely(choice.get("logprobs"))
        if (isinstance(text, str) and text) or likely:
            yield self._spoken(Spoken(index=index, text=text or "", logprobs=likely))
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            yield Called(
                index=index,
                number=call.get("index") or 0,
                id=call.get("id") or "",
                name=function.get("name") or "",
                arguments=function.get("arguments") or "",
            )
        why = choice.get("finish_reason")
        if why and index not in self._ends:
            stop = choice.get("stop_reason")
            if why not in (*_WHY, "stop"):
                self._notes.append(f"the engine ended the answer: {str(why)[:80]}")
            self._ends[index] = Ended(
                index=index,
                why=_WHY.get(why, "stop"),
                stop=stop if isinstance(stop, str) else None,
                complete=why == "stop",
            )
            yield self._ends[index]

    def _spoken(self, event: Spoken) -> Spoken:
        self._first = self._first or time.monotonic()
        self._said += estimated(event.text)
        return event

    def _used(self) -> Used:
        now = time.monotonic()
        first = self._first or now
        prompt, generated = self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")
        if not isinstance(prompt, int) or not isinstance(generated, int):
            self._notes.append("the engine does not tell what it used; tokens are estimated")
        return Used(
            prompt_tokens=prompt if isinstance(prompt, int) else self._prompt,
            cached_tokens=_detail(self._usage, "prompt_tokens_details", "cached_tokens"),
            generated_tokens=generated if isinstance(generated, int) else self._said,
            reasoning_tokens=_detail(self._usage, "completion_tokens_details", "reasoning_tokens"),
            prefill_seconds=first - self._began,
            decode_seconds=now - first,
        )


def _detail(usage: Mapping[str, Any], part: str, name: str) -> int:
    value = (usage.get(part) or {}).get(name)
    return value if isinstance(value, int) else 0


def _read(progress: Mapping[str, Any]) -> Read:
    return Read(
        processed=int(progress.get("processed") or 0),
        total=int(progress.get("total") or 0),
        cached=int(progress.get("cache") or 0),
        seconds=float(progress.get("time_ms") or 0) / 1000,
    )


def _likely(told: Any) -> tuple[Logprobs, ...]:
    content = told.get("content") if isinstance(told, dict) else None
    return tuple(
        Logprobs(own=_one(each), likeliest=tuple(map(_one, each.get("top_logprobs") or ())))
        for each in content or ()
    )


def _one(said: Mapping[str, Any]) -> Logprob:
    """Engines tell no ids of tokens here."""
    data = said.get("bytes")
    token = str(said.get("token") or "")
    return Logprob(
        token=-1,
        data=bytes(data) if isinstance(data, list) else token.encode(),
        value=float(said.get("logprob") or 0.0),
    )

"""What comes of a message as Anthropic's events, and as a whole."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.anthropic.documents import Shown, locations_of
from longspan.serving.compacting import Compacting
from longspan.serving.events import Called, Done, Ended, Event, Made, Read, Spoken, Used
from longspan.serving.openai.quoting import citations_of
from longspan.serving.openai.usage import progress_of, usage_of
from longspan.serving.web.streams import frame

Told = dict[str, Any]
_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}
_SIGNED = "longspan"
"""Thoughts are text here, which anybody may send back."""


@dataclass(kw_only=True)
class Answer:
    """Makes the events of one message.

    shown: documents of the request; before: how many a context holds. progress: whether reading is told of.
    compacting: what is compacted first, if anything. capped: whether the answer has less room than it asked for.
    managed: whether edits of the context are told of. told: of longspan's own. pauses: whether the message ends with
    the compaction.
    """

    model: str
    shown: Sequence[Shown] = ()
    before: int = 0
    progress: bool = False
    compacting: Compacting | None = None
    capped: bool = False
    managed: bool = False
    told: Told = field(default_factory=dict)
    pauses: bool = False
    id: str = field(default_factory=lambda: f"msg_{uuid.uuid4().hex}")
    _begun: bool = False
    _place: int = -1
    _open: str = ""
    _call: int = -1
    _ended: Ended | None = None

    def __call__(self, event: Event) -> list[bytes]:
        """The frames of an event."""
        return [frame(each, each["type"]) for each in self.events(event)]

    def events(self, event: Event) -> list[Told]:
        """What is sent for an event."""
        found = self._begin(event)
        if isinstance(event, Read):
            found += [{"type": "prompt_progress", **progress_of(event)}] if self.progress else []
        elif isinstance(event, Made):
            found += self._compacted()
        elif isinstance(event, Spoken):
            found += self._spoken(event)
        elif isinstance(event, Called):
            found += self._called(event)
        elif isinstance(event, Ended):
            found += self._end(event)
        elif isinstance(event, Done):
            found += self._done(event)
        return found

    def whole(self, events: Iterable[Event]) -> Told:
        """The message that the events are of."""
        message: Told = {}
        pieces: dict[int, str] = {}
        for told in (each for event in events for each in self.events(event)):
            kind = told["type"]
            if kind == "message_start":
                message = told["message"]
            elif kind == "content_block_start":
                message["content"].append(told["content_block"])
            elif kind == "content_block_delta":
                _join(message["content"][told["index"]], told["delta"], pieces, told["index"])
            elif kind == "message_delta":
                message |= told["delta"]
                message |= {name: each for name, each in told.items() if name not in ("type", "delta")}
        for index, text in pieces.items():
            message["content"][index]["input"] = _arguments(text)
        return message

    def _begin(self, event: Event) -> list[Told]:
        if self._begun:
            return []
        self._begun = True
        reads = isinstance(event, Read) and self.compacting is None
        used = Used(prompt_tokens=event.total, cached_tokens=event.cached) if reads else Used()  # type: ignore[union-attr]
        message: Told = {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(used),
        }
        return [{"type": "message_start", "message": message}]

    def _spoken(self, event: Spoken) -> list[Told]:
        if event.reasoning:
            found = self._opened("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            return [*found, self._delta({"type": "thinking_delta", "thinking": event.text})]
        found = self._opened("text", {"type": "text", "text": "", "citations": None})
        return [*found, self._delta({"type": "text_delta", "text": event.text})]

    def _called(self, event: Called) -> list[Told]:
        found = []
        if event.number != self._call:
            self._call = event.number
            block = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
            found = [*self._closed(), *self._opened("tool_use", block)]
        if event.arguments:
            found.append(self._delta({"type": "input_json_delta", "partial_json": event.arguments}))
        return found

    def _compacted(self) -> list[Told]:
        if self.compacting is None:
            return []
        text, sealed = self.compacting.text or None, self.compacting.sealed
        block = {"type": "compaction", "content": None, "encrypted_content": None}
        delta = {"type": "compaction_delta", "content": text, "encrypted_content": sealed}
        return [*self._opened("compaction", block), self._delta(delta), *self._closed()]

    def _end(self, event: Ended) -> list[Told]:
        self._ended = event
        found = []
        if self._open == "text":
            for each in locations_of(event.citations, self.shown, self.before):
                found.append(self._delta({"type": "citations_delta", "citation": each}))
        return found + self._closed()

    def _done(self, event: Done) -> list[Told]:
        ended, why = self._ended, self._why(self._ended)
        usage = _usage(event.used)
        if self.compacting is not None:
            made = _usage(self.compacting.used)
            usage["iterations"] = [{"type": "compaction", **made}]
            if not self.pauses:
                usage["iterations"].append({"type": "message", **{name: usage[name] for name in made}})
        told = {
            **self.told,
            "citations": citations_of(ended.citations if ended else (), 0),
            "notes": list(event.notes),
        }
        delta: Told = {
            "type": "message_delta",
            "delta": {
                "stop_reason": why,
                "stop_sequence": ended.stop if ended is not None and why == "stop_sequence" else None,
            },
            "usage": usage | {"longspan": usage_of(event.used)["longspan"]},
            "longspan": told,
        }
        if self.managed:
            delta["context_management"] = {"applied_edits": []}
        return [delta, {"type": "message_stop"}]

    def _why(self, ended: Ended | None) -> str:
        if self.pauses and self.compacting is not None:
            return "compaction"
        if ended is None or ended.why == "tool_calls":
            return "tool_use" if ended is not None else "end_turn"
        if ended.why == "length":
            return "model_context_window_exceeded" if self.capped else "max_tokens"
        return "end_turn" if ended.stop is None else "stop_sequence"

    def _opened(self, kind: str, block: Told) -> list[Told]:
        if self._open == kind and kind != "tool_use":
            return []
        found = self._closed()
        self._place, self._open = self._place + 1, kind
        return [*found, {"type": "content_block_start", "index": self._place, "content_block": block}]

    def _delta(self, delta: Told) -> Told:
        return {"type": "content_block_delta", "index": self._place, "delta": delta}

    def _closed(self) -> list[Told]:
        if not self._open:
            return []
        signed = self._open == "thinking"
        found = [self._delta({"type": "signature_delta", "signature": _SIGNED})] if signed else []
        self._open = ""
        return [*found, {"type": "content_block_stop", "index": self._place}]


def _join(block: Told, delta: Told, pieces: dict[int, str], index: int) -> None:
    """A delta into its block."""
    kind = delta["type"]
    if kind == "input_json_delta":
        pieces[index] = pieces.get(index, "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block["citations"] or ()), delta["citation"]]
    elif kind == "compaction_delta":
        block |= {name: each for name, each in delta.items() if name != "type"}
    else:
        block[_PIECES[kind]] += delta[_PIECES[kind]]


def _arguments(text: str) -> Any:
    """The input of a call, as an object whatever a model made of it."""
    try:
        found = json.loads(text)
    except ValueError:
        return {"arguments": text}
    return found if isinstance(found, dict) else {"arguments": found}


def _usage(used: Used) -> Told:
    """What was read before is not in `input_tokens`."""
    return {
        "input_tokens": used.prompt_tokens - used.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": used.cached_tokens,
        "output_tokens": used.generated_tokens,
    }

"""What comes of a response as OpenAI's events, and as a whole."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.compacting import Compacting
from longspan.serving.events import Called, Done, Ended, Event, Made, Read, Spoken, Used
from longspan.serving.openai.answers import likely_of
from longspan.serving.openai.quoting import citations_of, places_of
from longspan.serving.openai.usage import progress_of, usage_of
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.responses.items import Item, fresh_id
from longspan.serving.web.streams import frame
from longspan.spans import Citation

Told = dict[str, Any]


@dataclass(kw_only=True)
class Answer:
    """Makes the events of one response.

    echo: what it repeats of the request. progress: whether reading is told of. compacting: what is compacted first, if
    anything. told: of longspan's own. final: the response when it has ended. cancelled: whether it was ended before its
    time.
    """

    model: str
    echo: Mapping[str, Any] = field(default_factory=dict)
    progress: bool = False
    compacting: Compacting | None = None
    told: Told = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"resp_{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    final: Told | None = None
    cancelled: bool = False
    _output: list[Item] = field(default_factory=list)
    _number: int = -1
    _begun: bool = False
    _open: bool = False
    _call: int = -1
    _ended: Ended | None = None
    _last: list[Told] = field(default_factory=list)

    def events(self, event: Event) -> list[Told]:
        """What is sent for an event."""
        found = self._begin()
        if isinstance(event, Read):
            found += [self._told("prompt_progress", **progress_of(event))] if self.progress else []
        elif isinstance(event, Made):
            found += self._compacted()
        elif isinstance(event, Spoken):
            found += self._spoken(event)
        elif isinstance(event, Called):
            found += self._called(event)
        elif isinstance(event, Ended):
            found += self._end(event)
        elif isinstance(event, Done):
            final = self.finish(event)
            found += self._last
            kind = "completed" if final["status"] == "completed" else "incomplete"
            found.append(self._told(kind, response=final))
        return found

    def failed(self, refused: Refused, request_id: str) -> list[bytes]:
        """The frames of an end before its time."""
        found = self._begin()
        error: Any = worded(refused, request_id)[1]["error"]
        code = error["code"] if error["code"] == "rate_limit_exceeded" else "server_error"
        failed = self.response("failed", error={"code": code, "message": error["message"]})
        told = {name: error[name] for name in ("code", "message", "param")}
        found += [self._numbered({"type": "error", **told}), self._told("failed", response=failed)]
        return [frame(each, each["type"]) for each in found]

    def finish(self, event: Done) -> Told:
        """The response, now that nothing more comes. It is kept before `events` tells of its end."""
        if self.final is not None:
            return self.final
        self._last = self._closed("incomplete")
        ended = self._ended
        cited = citations_of(ended.citations, 0) if ended is not None else []
        self.told |= {"citations": cited, "notes": [*self.told.get("notes", ()), *event.notes]}
        status, details = "completed", None
        if self.cancelled:
            status = "cancelled"
        elif ended is not None and ended.why == "length":
            status, details = "incomplete", {"reason": "max_output_tokens"}
        if self.compacting is not None:
            made = self.compacting.used
            self.told.setdefault("compaction", {})["made"] = usage_told(made)
        self.final = self.response(status, usage=usage_told(event.used), incomplete_details=details)
        return self.final

    def response(self, status: str, **more: Any) -> Told:
        """The response as it is now."""
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": int(time.time()) if status == "completed" else None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": [dict(each) for each in self._output],
            "usage": None,
            **self.echo,
            "longspan": dict(self.told),
            **more,
        }

    def _begin(self) -> list[Told]:
        if self._begun:
            return []
        self._begun = True
        found = [
            self._told(each, response=self.response("in_progress")) for each in ("created", "in_progress")
        ]
        if self.compacting is not None:
            found += self._added({"type": "compaction", "encrypted_content": ""})
            found.append(self._placed("compaction.compacting"))
        return found

    def _compacted(self) -> list[Told]:
        if self.compacting is None:
            return []
        self._output[-1]["encrypted_content"] = self.compacting.sealed
        self._open = False
        return [self._told("output_item.done", output_index=self._place, item=dict(self._output[-1]))]

    def _spoken(self, event: Spoken) -> list[Told]:
        kind = "reasoning" if event.reasoning else "message"
        part = "reasoning_text" if event.reasoning else "output_text"
        found = []
        if not self._open or self._output[-1]["type"] != kind:
            more: Item = {"summary": []} if event.reasoning else {"role": "assistant"}
            found = [*self._closed(), *self._added({"type": kind, **more, "status": "in_progress"})]
            self._output[-1]["content"] = [_part(part)]
            found.append(self._placed("content_part.added", content_index=0, part=_part(part)))
        content = self._output[-1]["content"][0]
        content["text"] += event.text
        likely = [likely_of(each) for each in event.logprobs]
        if not event.reasoning:
            content["logprobs"] += likely
        told: Told = {} if event.reasoning else {"logprobs": likely}
        return [*found, self._placed(f"{part}.delta", content_index=0, delta=event.text, **told)]

    def _called(self, event: Called) -> list[Told]:
        found = []
        if event.number != self._call:
            self._call = event.number
            call = {"type": "function_call", "call_id": event.id, "name": event.name, "arguments": ""}
            found = [*self._closed(), *self._added({**call, "status": "in_progress"})]
        if event.arguments:
            self._output[-1]["arguments"] += event.arguments
            found.append(self._placed("function_call_arguments.delta", delta=event.arguments))
        return found

    def _end(self, event: Ended) -> list[Told]:
        self._ended = event
        found = []
        if self._open and self._output[-1]["type"] == "message":
            content = self._output[-1]["content"][0]
            for each in _annotations(event.citations):
                number = len(content["annotations"])
                content["annotations"].append(each)
                told = {"content_index": 0, "annotation_index": number, "annotation": each}
                found.append(self._placed("output_text.annotation.added", **told))
        return found + self._closed("incomplete" if event.why == "length" else "completed")

    def _added(self, item: Item) -> list[Told]:
        item = {"id": fresh_id(item["type"]), **item}
        self._output.append(item)
        self._open = True
        empty: Told = {"content": []} if item["type"] in ("message", "reasoning") else {}
        return [self._told("output_item.added", output_index=self._place, item={**item, **empty})]

    def _closed(self, status: str = "completed") -> list[Told]:
        if not self._open:
            return []
        self._open = False
        item, found = self._output[-1], []
        if "status" in item:
            item["status"] = status
        if item["type"] == "function_call":
            told = {"name": item["name"], "arguments": item["arguments"]}
            found.append(self._placed("function_call_arguments.done", **told))
        elif "content" in item:
            part = dict(item["content"][0])
            likely = {"logprobs": part["logprobs"]} if "logprobs" in part else {}
            found.append(self._placed(f"{part['type']}.done", content_index=0, text=part["text"], **likely))
            found.append(self._placed("content_part.done", content_index=0, part=part))
        return [*found, self._told("output_item.done", output_index=self._place, item=dict(item))]

    @property
    def _place(self) -> int:
        return len(self._output) - 1

    def _placed(self, kind: str, **more: Any) -> Told:
        return self._told(kind, item_id=self._output[-1]["id"], output_index=self._place, **more)

    def _told(self, kind: str, **more: Any) -> Told:
        return self._numbered({"type": f"response.{kind}", **more})

    def _numbered(self, told: Told) -> Told:
        self._number += 1
        return {**told, "sequence_number": self._number}


def _part(kind: str) -> Told:
    more: Told = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
    return {"type": kind, "text": "", **more}


def _annotations(citations: Iterable[Citation]) -> list[Told]:
    """The quotes that stand where they should, with what is longspan's own."""
    return [{"type": "file_citation", "file_id": "", **place} for place in places_of(citations)]


def usage_told(used: Used) -> Told:
    """`usage`, in the names of this protocol."""
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": used.generated_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.prompt_tokens + used.generated_tokens,
        "longspan": usage_of(used)["longspan"],
    }

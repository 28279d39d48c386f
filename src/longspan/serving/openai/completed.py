"""How texts were gone on with, as OpenAI's answer, whole or in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.asked import Asked
from longspan.serving.events import Done, Echoed, Ended, Event, Read, Spoken
from longspan.serving.openai.usage import Head, progress_of, timings_of, usage_of
from longspan.serving.web.streams import frame
from longspan.spans.logprobs import Logprob, Logprobs

_NEVER = -9999.0


@dataclass(kw_only=True)
class _Piece:
    """Text of an answer that has not been told yet, with the likelihoods of its tokens. at: characters before it."""

    likely: bool
    at: int = 0
    text: str = ""
    tokens: list[str] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    likeliest: list[dict[str, float] | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def say(self, event: Spoken) -> None:
        self.text += event.text
        for each in event.logprobs:
            self._token(each.own.data, each)

    def echo(self, pieces: Sequence[Echoed], prompt: str | Sequence[int]) -> None:
        """The prompt. What a model puts before every text is told among the tokens, and is not of the text."""
        data = [each for piece in pieces for each in piece.tokens]
        said = b"".join(data).decode(errors="replace")
        self.text += prompt if isinstance(prompt, str) else said
        told = [each for piece in pieces for each in piece.logprobs]
        before = len(said) - len(prompt) if isinstance(prompt, str) and said.endswith(prompt) else 0
        self.at -= before
        for each, likely in zip(data, told, strict=True):
            self._token(each, likely)

    def _token(self, data: bytes, told: Logprobs | None) -> None:
        self.tokens.append(_spelt(data))
        self.values.append(None if told is None else max(told.own.value, _NEVER))
        self.likeliest.append(None if told is None else _likeliest(told))
        begun = sum(byte & 0xC0 != 0x80 for byte in data)
        inside = bool(data) and data[0] & 0xC0 == 0x80
        self.offsets.append(max(0, self.at - inside))
        self.at += begun

    def told(self) -> tuple[str, dict[str, Any] | None]:
        """The text and its likelihoods, which are told with this."""
        text, tokens = self.text, self.tokens
        likely = {
            "tokens": tokens,
            "token_logprobs": self.values,
            "top_logprobs": self.likeliest,
            "text_offset": self.offsets,
        }
        self.text, self.tokens, self.values, self.likeliest, self.offsets = "", [], [], [], []
        return text, likely if self.likely and (tokens or text) else None


@dataclass(kw_only=True)
class _Echoes:
    """What is told of prompts before their answers."""

    asked: Sequence[Asked]
    _waiting: dict[int, list[Echoed]] = field(default_factory=dict)

    def keep(self, event: Echoed) -> None:
        self._waiting.setdefault(event.index, []).append(event)

    def of(self, index: int) -> tuple[Sequence[Echoed], str | Sequence[int]]:
        """Those of an answer's prompt, and the prompt."""
        number, within = divmod(index, self.asked[0].count)
        return self._waiting.get(index - within, ()), self.asked[number].prompt or ""


@dataclass(kw_only=True)
class CompletionChunks:
    """What is sent for each event. asked: the prompts. usage, progress: as for a chat."""

    head: Head
    asked: Sequence[Asked]
    usage: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        self.count = sum(each.count for each in self.asked)
        likely = "logprobs" in self.asked[0].generation
        self._pieces = [_Piece(likely=likely) for _ in range(self.count)]
        self._echoes = _Echoes(asked=self.asked)
        self._begun: set[int] = set()
        self._ended = 0
        self._last: dict[str, Any] | None = None

    def __call__(self, event: Event) -> list[bytes]:
        """The frames of an event."""
        end = [frame("[DONE]")] if isinstance(event, Done) else []
        return [frame(each) for each in self.chunks(event)] + end

    def chunks(self, event: Event) -> list[dict[str, Any]]:
        """The chunks of an event."""
        if isinstance(event, Read):
            return [self._chunk(0, None, prompt_progress=progress_of(event))] if self.progress else []
        if isinstance(event, Echoed):
            self._echoes.keep(event)
        if isinstance(event, Spoken):
            self._begin(event.index)
            self._pieces[event.index].say(event)
            return [self._chunk(event.index, None)]
        if isinstance(event, Ended):
            self._begin(event.index)
            return self._end(event)
        if isinstance(event, Done):
            return self._done(event)
        return []

    def _begin(self, index: int) -> None:
        if index not in self._begun:
            self._begun.add(index)
            if self.asked[0].echo:
                self._pieces[index].echo(*self._echoes.of(index))

    def _end(self, event: Ended) -> list[dict[str, Any]]:
        chunk = self._chunk(event.index, event.why)
        self._ended += 1
        if self._ended < self.count:
            return [chunk]
        self._last = chunk
        return []

    def _done(self, event: Done) -> list[dict[str, Any]]:
        found = []
        if self._last is not None:
            found.append({**self._last, "timings": timings_of(event.used)})
        if self.usage:
            found.append(self.head.of([], usage=usage_of(event.used), timings=timings_of(event.used)))
        return found

    def _chunk(self, index: int, why: str | None, **more: Any) -> dict[str, Any]:
        text, likely = self._pieces[index].told()
        choice = {"index": index, "text": text, "logprobs": likely, "finish_reason": why}
        return self.head.of([choice], **({"usage": None} if self.usage else {}), **more)


def whole_completion(head: Head, events: Iterable[Event], asked: Sequence[Asked]) -> dict[str, Any]:
    """The answer: what the chunks say, together."""
    chunks = CompletionChunks(head=head, asked=asked)
    parts: list[list[dict[str, Any]]] = [[] for _ in range(chunks.count)]
    more: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Done):
            more = {"usage": usage_of(event.used), "timings": timings_of(event.used)}
            more["longspan"] = {"notes": list(event.notes)}
        for chunk in chunks.chunks(event):
            for choice in chunk["choices"]:
                parts[choice["index"]].append(choice)
    return head.of([_joined(each) for each in parts], **more)


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    told = [each["logprobs"] for each in parts if each["logprobs"] is not None]
    likely = {name: [one for each in told for one in each[name]] for name in told[0]} if told else None
    text = "".join(each["text"] for each in parts)
    return {**parts[-1], "text": text, "logprobs": likely}


def _spelt(data: bytes) -> str:
    """A token as clients know it: what is no whole character is spelt by its bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _likeliest(told: Logprobs) -> dict[str, float]:
    """The likeliest tokens by how they are spelt, and the token itself among them."""
    found: dict[str, float] = {}
    for each in (*told.likeliest, told.own):
        _put(found, each)
    return found


def _put(found: dict[str, float], each: Logprob) -> None:
    name = _spelt(each.data)
    found[name] = max(found.get(name, _NEVER), each.value)

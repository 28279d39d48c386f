"""Documents as a reader with four tools has them: passages by number, sentences in them, and quotes that are kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.flows.prompting import enclosed
from longspan.flows.replies import NOTHING
from longspan.forms.form import Form
from longspan.retrieval.retrievers.base import Index
from longspan.spans import Span, sentences
from longspan.spans.rendering import titles

_HITS = 5
_SNIPPET = 160
_AROUND = 3
_ENDS = 200
_WHOLE = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 2_000}
FIELDS: dict[str, dict[str, Any]] = {
    "search": {"query": _TEXT | {"maxLength": 200}},
    "open": {"passage": _WHOLE, "around": _WHOLE | {"maximum": _AROUND}},
    "quote": {"passage": _WHOLE, "first": _WHOLE, "last": _WHOLE},
    "answer": {"text": _TEXT, "quotes": {"type": "array", "items": _WHOLE, "maxItems": 20}},
}
"""The tools, each with what it takes as a JSON schema has it."""


def call_form(tools: Collection[str] = tuple(FIELDS), *, quoted: bool = True) -> Form:
    """The form of a call of some tools. quoted: whether there are quotes; without, an answer is that there is none."""
    nothing = {"text": {"const": NOTHING}, "quotes": {"type": "array", "maxItems": 0}}
    calls = [
        {
            "type": "object",
            "properties": {"tool": {"const": tool}, **(fields if quoted or tool != "answer" else nothing)},
            "required": ["tool", *fields],
            "additionalProperties": False,
        }
        for tool, fields in FIELDS.items()
        if tool in tools
    ]
    return Form.json_schema({"anyOf": calls}, compact=True)


class Wrong(ValueError):
    """A call that cannot be done; says why, for the caller."""


def call_in(said: str) -> dict[str, Any]:
    """The first call in what a model says, with exactly the fields of its tool. Raises Wrong."""
    decoder, at = json.JSONDecoder(), said.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(said, at)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("tool"), str):
            return _checked(found)
        at = said.find("{", at + 1)
    raise Wrong(
        "That was no call; write one as JSON, such as " + '{"tool": "search", "query": "a few words"}.'
    )


def _checked(call: Mapping[str, Any]) -> dict[str, Any]:
    tool = call["tool"]
    if tool not in FIELDS:
        raise Wrong(f"There is no tool {tool[:40]!r}; there are {', '.join(FIELDS)}.")
    fields = {"around": 0, "quotes": [], **call} if tool in ("open", "answer") else dict(call)
    for name, schema in FIELDS[tool].items():
        value = fields.get(name)
        if not _fits(value, schema):
            raise Wrong(f"{tool} takes {', '.join(FIELDS[tool])}, and {name} was missing or of another kind.")
    return {"tool": tool, **{name: fields[name] for name in FIELDS[tool]}}


def _fits(value: object, schema: Mapping[str, Any]) -> bool:
    if schema["type"] == "string":
        return isinstance(value, str) and bool(value.strip())
    if schema["type"] == "integer":
        return type(value) is int and value >= 0
    return isinstance(value, list) and all(type(each) is int for each in value)


@dataclass(kw_only=True)
class Desk:
    """The passages with their index, whether it was searched, which of them were shown, and what was quoted."""

    passages: Sequence[Span]
    index: Index
    searched: bool = False
    shown: set[int] = field(default_factory=set)
    quotes: list[Span] = field(default_factory=list)

    def form(self, barred: str) -> Form:
        """The form of the next call, which may be of the tools that have something to work on, but for one."""
        ready = {"search": True, "open": self.searched, "quote": bool(self.shown), "answer": self.searched}
        tools = [tool for tool, there in ready.items() if there and tool != barred]
        return call_form(tools, quoted=bool(self.quotes))

    def do(self, call: Mapping[str, Any]) -> str:
        """The result of a search, of opening or of quoting, for the model to read. Raises Wrong."""
        if call["tool"] == "search":
            return self._search(call["query"])
        if call["tool"] == "open":
            return self._open(call["passage"], min(_AROUND, call["around"]))
        return self._quote(call["passage"], call["first"], call["last"])

    def kept(self, numbers: Sequence[int]) -> list[Span]:
        """The quotes with these numbers. Raises Wrong."""
        missing = sorted({number for number in numbers if not 1 <= number <= len(self.quotes)})
        if missing:
            there = f"there are 1 to {len(self.quotes)}" if self.quotes else "none was kept so far"
            raise Wrong(f"There is no quote {', '.join(map(str, missing))}; {there}.")
        return [self.quotes[number - 1] for number in dict.fromkeys(numbers)]

    def listed(self) -> str:
        """The quotes with their numbers."""
        if not self.quotes:
            return "No quotes so far."
        lines = [f"[quote {number}] {_ends(each.text)}" for number, each in enumerate(self.quotes, 1)]
        return "Your quotes:\n" + enclosed("\n".join(lines))

    def _search(self, query: str) -> str:
        self.searched = True
        found = [number for number, score in self.index.ranked(query) if score > 0][:_HITS]
        if not found:
            return "No passage speaks of these words; try others."
        return enclosed(
            "\n".join(f"[passage {each + 1}] {_beginning(self.passages[each].text)}" for each in found)
        )

    def _open(self, number: int, around: int) -> str:
        self._check(number)
        document = self.passages[number - 1].document
        lines = []
        for each in range(max(1, number - around), min(len(self.passages), number + around) + 1):
            passage = self.passages[each - 1]
            if passage.document is document:
                self.shown.add(each - 1)
                lines.append(f"[passage {each} of {titles([document])[0]}]")
                lines += [f"[{place}] {part.text.strip()}" for place, part in enumerate(self._parts(each), 1)]
        return enclosed("\n".join(lines))

    def _quote(self, number: int, first: int, last: int) -> str:
        self._check(number)
        if number - 1 not in self.shown:
            raise Wrong(f"Passage {number} was not opened; open it before you quote from it.")
        parts = self._parts(number)
        if not 1 <= first <= last <= len(parts):
            raise Wrong(
                f"Passage {number} has the sentences 1 to {len(parts)}; quote some of these, first to last."
            )
        start, end = parts[first - 1].start, parts[last - 1].end
        text = parts[0].document.text[start:end]
        quote = Span(
            parts[0].document, start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())
        )
        if quote not in self.quotes:
            self.quotes.append(quote)
        return f"Kept as quote {self.quotes.index(quote) + 1}."

    def _parts(self, number: int) -> list[Span]:
        passage = self.passages[number - 1]
        found = sentences(passage.document, passage.start, passage.end)
        return [each for each in found if each.text.strip()]

    def _check(self, number: int) -> None:
        if not 1 <= number <= len(self.passages):
            raise Wrong(f"There is no passage {number}; there are 1 to {len(self.passages):,}.")


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SNIPPET else f"{line[:_SNIPPET]} …"


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _ENDS else f"{text[:_ENDS]} … {text[-_ENDS:]}"

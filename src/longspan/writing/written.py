"""What was written: its sections, what their sentences rest on, and what happened on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.flows.recursive_summary import count_words
from longspan.spans import Claim, Span
from longspan.spans.rendering import titles
from longspan.usage import Usage
from longspan.writing.grounding import Held
from longspan.writing.repeating import repeated_share

_STOP = re.compile(r"[.!?…。！？]+\Z")
SOURCES = "Sources"
"""The heading of the places that a text rests on."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a text. name: its heading, or the name of its file; empty for none. about: what it was to say.

    wanted: the words that were asked for. text: what it says, without marks. shown: the passages of sources that it was
    written from. held: its sentences and what they rest on. sourced: False where sources were given and none speaks of
    it.
    """

    about: str
    wanted: int
    text: str
    name: str = ""
    shown: tuple[Span, ...] = ()
    held: tuple[Held, ...] = ()
    sourced: bool = True

    @property
    def words(self) -> int:
        """How many it has."""
        return count_words(self.text)

    @property
    def heading(self) -> str:
        """The line above it."""
        return self.name if self.sourced else f"{self.name} (no source)"


@dataclass(frozen=True, kw_only=True)
class Written:
    """A text, and how it came about.

    sections: in their order. wanted: the words that were asked for. usage: of all replies together, with the tokens of
    sources that no model was shown as truncated_tokens. rewritten: parts that were written anew. repeated: sentences
    that said again what was said, and were left out. unknown: marks of sources that led nowhere. notes: what else a
    reader must know, such as parts that could not be written. files: texts by the names that the model gave them, for
    ways to write that make files.
    """

    sections: tuple[Section, ...]
    wanted: int
    usage: Usage
    rewritten: int = 0
    repeated: int = 0
    unknown: int = 0
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The sections, without marks and places."""
        return joined(self.sections)

    @property
    def words(self) -> int:
        """How many the sections have."""
        return count_words(self.body)

    @property
    def repetition(self) -> float:
        """The share of runs of six words that occur before in the text."""
        return repeated_share(self.body)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The sentences with what they rest on, where there were sources."""
        return tuple(each.claim for section in self.sections for each in section.held)

    @property
    def places(self) -> list[str]:
        """Where sources hold the text, each place once, in the order in which the text comes to them."""
        return list(dict.fromkeys(self._place(span) for each in self.claims for span in each.sources))

    @property
    def text(self) -> str:
        """All of it: sections with the number of a place in each sentence that a source holds, and the places."""
        numbers = {place: number for number, place in enumerate(self.places, 1)}
        marked = []
        for section in self.sections:
            text = section.text
            for each in reversed(section.held):
                found = dict.fromkeys(numbers[self._place(span)] for span in each.claim.sources)
                if found and each.claim.state != "unverified":
                    at = _before_stop(text, each.end)
                    text = f"{text[:at]}[{', '.join(map(str, found))}]{text[at:]}"
            marked.append(_headed(section.heading, text))
        if numbers:
            listed = "\n".join(f"{number}. {place}" for place, number in numbers.items())
            marked.append(_headed(SOURCES, listed))
        return "\n\n".join(marked)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: `text`, `words`, `sections`, `usage`, and where there are some, `claims`, `sources`, `files`,
        `notes`."""
        facts: dict[str, Any] = {
            "text": self.text,
            "words": {"wanted": self.wanted, "written": self.words},
            "repetition": round(self.repetition, 4),
            "rewritten": self.rewritten,
            "left_out": self.repeated,
            "sections": [
                {"name": each.name, "about": each.about, "wanted": each.wanted, "words": each.words}
                | ({} if each.sourced else {"sourced": False})
                for each in self.sections
            ],
        }
        if self.claims:
            facts |= {"claims": [each.to_dict() for each in self.claims], "sources": self.places}
            facts["unknown_marks"] = self.unknown
        if self.files:
            facts["files"] = dict(self.files)
        if self.notes:
            facts["notes"] = list(self.notes)
        return facts | {"usage": self.usage.to_dict()}

    def _place(self, span: Span) -> str:
        return span.document.describe(span.start, span.end, name=self._titles[span.document])

    @property
    def _titles(self) -> dict[Any, str]:
        shown = dict.fromkeys(span.document for section in self.sections for span in section.shown)
        return dict(zip(shown, titles(shown), strict=True))


def joined(sections: Sequence[Section]) -> str:
    """Sections one after another."""
    return "\n\n".join(_headed(each.heading, each.text) for each in sections)


def _headed(name: str, text: str) -> str:
    return f"## {name}\n\n{text}" if name else text


def _before_stop(text: str, end: int) -> int:
    """Where a mark stands that belongs to the sentence up to `end`: before its full stop, if it has one."""
    stop = _STOP.search(text, 0, end)
    return stop.start() if stop else end

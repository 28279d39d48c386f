"""The text in which needles are hidden: built in, or files of the user's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path

from longspan.errors import LongspanError
from longspan.evaluation.chronicle import NAMES, Chronicle
from longspan.spans import Document, listing, sentences


class HaystackTooShort(LongspanError, ValueError):
    """A text that would have to be repeated to fill a length."""


@dataclass(frozen=True, kw_only=True)
class Haystack:
    """Prose as a list of sentences. name: for people; text: all of it. repeats: whether it is begun again when it is
    used up, which favours methods that merge or drop what is alike; otherwise a longer stretch is an error."""

    name: str
    text: str
    repeats: bool = False

    @classmethod
    def built_in(cls) -> Haystack:
        """The chronicle, see `chronicle`."""
        return _BuiltIn(name="built-in chronicle", text="")

    @classmethod
    def essays(cls) -> Haystack:
        """Essays that come with longspan, 7,300 words."""
        folder = files("longspan.evaluation") / "texts"
        names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".txt"))
        text = "\n\n".join((folder / name).read_text("utf-8").strip() for name in names)
        return cls(name="built-in essays", text=text)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Haystack:
        """Any file that a Document can be made of, or what a folder or a pattern stands for, such as books, as
        `spans.listing` has it.

        Raises DocumentError, also where one of several files cannot be read.
        """
        found = listing(path)
        documents = [Document.open(each) for each in found.files]
        name = Path(found.name).name if found.several else documents[0].name
        return cls(name=name, text="\n\n".join(each.text for each in documents))

    @property
    def digest(self) -> str:
        """Identifies the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @cached_property
    def sentences(self) -> Sequence[str]:
        """The text's sentences, each with its line breaks made blanks."""
        document = Document(name=self.name, text=self.text)
        return tuple(" ".join(document.text[span.start : span.end].split()) for span in sentences(document))

    @property
    def prose(self) -> Haystack:
        """Text that people wrote, for the likelihood of words: this one, or the essays in place of the chronicle."""
        return self

    def mentions(self, name: str) -> bool:
        """Whether a person's name stands in the text."""
        return name in self.text

    def take(self, count: int, start: int = 0) -> list[str]:
        """`count` sentences from number `start` on, from the beginning again after the last, each once.

        Raises HaystackTooShort where there are not as many, unless it `repeats`.
        """
        total = len(self.sentences)
        if count > total and not self.repeats:
            raise HaystackTooShort(
                f"the haystack {self.name} has {total:,} sentences, {count:,} are needed to fill the length without "
                "repeating any; name a longer text with haystack=..."
            )
        begin = start % total
        return (
            list(islice(cycle(self.sentences), begin, begin + count))
            if count > total
            else [
                *self.sentences[begin : begin + count],
                *self.sentences[: max(0, begin + count - total)],
            ]
        )


@dataclass(frozen=True, kw_only=True)
class _BuiltIn(Haystack):
    """The chronicle, of which only what is asked for is made."""

    @property
    def digest(self) -> str:
        """Of its first sentences, which change where its rules do."""
        return hashlib.sha256("\n".join(self.sentences[:500]).encode()).hexdigest()[:16]

    @cached_property
    def sentences(self) -> Sequence[str]:
        """Its sentences."""
        return Chronicle()

    @property
    def prose(self) -> Haystack:
        """The essays."""
        return Haystack.essays()

    def mentions(self, name: str) -> bool:
        """Whether it is one of the names of its people."""
        return name in NAMES

"""The user's documents as one run of sentences, from which contexts are cut."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

from longspan.errors import DocumentError
from longspan.spans import Document, listing, printable, sentences


@dataclass(frozen=True)
class Corpus:
    """Documents in their order. skipped: of the files that are no documents, each with the reason."""

    documents: tuple[Document, ...]
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.pieces:
            raise DocumentError("the documents hold no sentence; give a folder with files that have text")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """A file, or what a folder or a pattern stands for, see `spans.listing`.

        A file of several that no Document can be made of is left out and named in `skipped`, as is how many are passed
        over and why. Raises DocumentError where there is no file, or none that can be read.
        """
        found = listing(path)
        if not found.several:
            return cls((Document.open(found.files[0]),))
        documents, skipped = [], [f"{number:,} {why}" for why, number in sorted(found.skipped.items())]
        for file in found.files:
            try:
                documents.append(Document.open(file))
            except DocumentError as error:
                skipped.append(str(error))
        if not documents:
            name, reason = printable(found.name, lines=False), f" ({skipped[-1]})"
            raise DocumentError(
                f"{name} holds no document that can be read{reason}; name a folder with texts"
            )
        return cls(tuple(documents), tuple(skipped))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """All sentences, each with the blanks that follow it; a blank line follows each document's last."""
        found = []
        for document in self.documents:
            spans = sentences(document)
            found += [document.text[span.start : after.start] for span, after in pairwise(spans)]
            found += [f"{span.text}\n\n" for span in spans[-1:]]
        return tuple(found)

    def cut(self, start: int, room: int, count_tokens: Callable[[str], int]) -> list[str]:
        """The pieces from number `start` on that take at most `room` tokens together, each at most once.

        After the last piece comes the first.
        """
        pieces = self.pieces

        def first(count: int) -> list[str]:
            return [pieces[(start + number) % len(pieces)] for number in range(count)]

        def tokens(count: int) -> int:
            return count_tokens("".join(first(count)))

        reach = 1
        while reach < len(pieces) and tokens(reach) <= room:
            reach = min(2 * reach, len(pieces))
        return first(bisect_right(range(1, reach + 1), room, key=tokens))

"""Tasks of HELMET that show two worked examples before they ask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.helmet.drawing import SHOTS, seed_of, shuffled
from longspan.evaluation.tasks.helmet.paper import ARCHIVE, LINK, PAPER


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A row as the prompt needs it: passages, question, and what the answer begins with.

    key: tells the question from all others. facts: those of its sample.
    """

    key: str
    passages: str
    question: str
    prefix: str
    references: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Worked(Published):
    """A question on passages, after two others of its kind with their first reference, drawn as HELMET draws them.

    shown: the rows that those are chosen from. instruction: what stands before all.
    """

    data: Source
    shown: Source
    instruction: str

    chat: bool = False
    paper: str = PAPER
    link: str = LINK
    source: str = ARCHIVE

    @abstractmethod
    def asked(self, row: Row) -> Iterator[Asked]:
        """The row's question, nothing where the row is not wanted."""

    def samples(self, request: Request) -> Iterator[Sample]:
        """The questions in the order of the data. Raises TaskError where it is absent or has another layout."""
        shown = [
            each
            for number, row in enumerate(self.shown.rows(request.data, self.name))
            for each in self.checked(number, partial(self.asked, row))
        ]
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            yield from self.checked(number, partial(self._after, shown, row, number))

    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """The question alone."""
        return self._after((), row, number)

    def _after(self, shown: Sequence[Asked], row: Row, number: int) -> Iterator[Sample]:
        for asked in self.asked(row):
            others = [each for each in shown if each.key != asked.key]
            chosen: dict[str, Asked] = {}
            for place in shuffled(len(others), seed_of(asked.key)):
                if len(chosen) < SHOTS:
                    chosen.setdefault(others[place].key, others[place])
            worked = "".join(
                f"{each.passages}\n\n{each.question}\n{each.prefix} {each.references[0]}\n\n"
                for each in chosen.values()
            )
            yield Sample(
                id=f"{number:04d}",
                context=f"{self.instruction}\n\n{worked}{asked.passages}\n\n",
                question=f"{asked.question}\n",
                prefix=asked.prefix,
                references=asked.references,
                facts=asked.facts,
                document=asked.key,
            )

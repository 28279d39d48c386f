"""Tasks of HELMET on one long text that show two worked examples, without their texts, before they ask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.helmet.drawing import SEED, SHOTS, shuffled
from longspan.evaluation.tasks.helmet.paper import LINK, PAPER


@dataclass(frozen=True, kw_only=True)
class Shown(Published):
    """What is asked of a text, after an instruction and two worked examples.

    shown: rows from which the examples are drawn, None for all others of the task itself, which are then the same two
    for each of them, by the paper's seed. opening and closing: what stands before and after the examples.
    """

    instruction: str
    opening: str = "For example:\n\n"
    closing: str
    shown: Source | None = None

    paper: str = PAPER
    link: str = LINK

    @abstractmethod
    def example(self, row: Row) -> str | None:
        """The row as an example, None where it can be none."""

    @abstractmethod
    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """What row `number` asks; before: what stands before its text."""

    def samples(self, request: Request) -> Iterator[Sample]:
        """The samples in the order of the data. Raises TaskError where data is absent or has another layout."""
        shown = [
            example
            for number, row in enumerate((self.shown or self.data).rows(request.data, self.name))
            for example in self.checked(number, partial(self._examples, row))
        ]
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            yield from self.checked(number, partial(self._after, shown, row, number))

    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """The row without examples."""
        return self._after((), row, number)

    def _examples(self, row: Row) -> list[str]:
        example = self.example(row)
        return [] if example is None else [example]

    def _after(self, shown: Sequence[str], row: Row, number: int) -> Iterator[Sample]:
        if self.shown is None:
            others = [*shown[:number], *shown[number + 1 :]]
            chosen = [others[place] for place in shuffled(len(others), SEED)[:SHOTS]]
        else:
            chosen = Random(f"{self.name}/{number}").sample(shown, min(SHOTS, len(shown)))  # noqa: S311
        worked = self.opening + "\n\n".join(chosen) + self.closing if chosen else ""
        yield from self.asked(row, number, f"{self.instruction}\n\n{worked}")

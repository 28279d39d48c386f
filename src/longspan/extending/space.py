"""The contract of a search space: where a search begins, and what may follow from what it has tried."""

from __future__ import annotations

from random import Random
from typing import Protocol

from longspan.extending.candidate import Candidate
from longspan.positions.base import Positions


class Space(Protocol):
    """The candidates of one method for one model and target length. What it draws comes from the given `random`."""

    def starts(self, random: Random, count: int) -> list[Candidate]:
        """Candidates to begin with, at most so many."""

    def mutated(self, parent: Candidate, random: Random) -> Candidate:
        """A candidate that differs from its parent by chance; it may be the same."""

    def crossed(self, parent: Candidate, other: Candidate, random: Random) -> Candidate:
        """A candidate with some factors of each; it may be one of them."""

    def positions(self, candidate: Candidate) -> Positions:
        """The positions that the candidate stands for."""

"""The contract of a selection: which demonstrations are wanted most, for any query or for one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from longspan.demonstrations.demonstration import Demonstration
from longspan.parameters import check_whole

Scoring: TypeAlias = Callable[[Sequence[Demonstration], Sequence[Demonstration], Demonstration], list[float]]
"""For demonstrations in a row, candidates and one that is asked: the log-likelihood in nats of its label after the row,
for each candidate at the row's end."""

Ranking: TypeAlias = Callable[[str], Iterator[int]]
"""For a query the numbers of demonstrations, the most wanted first, each once; not all need come."""


@dataclass(frozen=True, kw_only=True)
class Selection(ABC):
    """Base of all selections, a method whose parameters are fields.

    by_query: whether another query has other demonstrations; where not, they can be read once for all queries.
    best_last: whether the most wanted stand last, next to the query, instead of first.
    """

    by_query: ClassVar[bool] = True
    best_last: ClassVar[bool] = True

    k: int | None = None
    """How many demonstrations are shown at most; none shows as many as fit."""

    def __post_init__(self) -> None:
        if self.k is not None:
            check_whole("k", self.k, 1)

    @abstractmethod
    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """How the demonstrations of a pool are ranked; what is the same for all queries is done now.

        scoring: asks a model of this process for likelihoods; None where there is none.
        """

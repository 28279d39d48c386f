"""The contract of a selector: which stored entries a query visits, while all of them stay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor

from longspan.kernels.choosing import Ranking
from longspan.scene import Scene
from longspan.store.group import Exact
from longspan.store.state import State


@dataclass(frozen=True, kw_only=True, eq=False)
class Visit:
    """Queries that are about to visit some rows that are alike.

    query `[heads, n, dim]`, rotated: n = 1 while generating, a few hundred while reading. entries: how many each
    row holds; while generating the token itself is the last of them, while reading the tokens of `query` are not
    among them and are visited anyway. start: the position of the first query. keys: stored keys from one entry up
    to another, rotated, `[kv_heads, stop − start, dim]`. raw: the same as the store holds them, rotated or not;
    fresh: whether those that are not described yet are as they came. placed: the queries turned from a position on, or
    not at all for None, where the store holds keys before their rotation. positions: where the entries stood in the
    text, `[kv_heads, entries]`.
    """

    scene: Scene
    query: Tensor
    entries: int
    start: int
    keys: Callable[[int, int], Tensor]
    positions: Callable[[], Tensor]
    raw: Callable[[int, int], Tensor] | None = None
    fresh: bool = False
    placed: Callable[[int | None], Tensor] | None = None

    @property
    def reading(self) -> bool:
        """Whether the queries are of a text that is being read."""
        return self.query.shape[1] > 1


@dataclass(frozen=True, eq=False)
class Chosen:
    """Entries to visit: ascending int64 `[heads, m]`; of row h the first counts[h] are meant, None for all m."""

    index: Tensor
    counts: Tensor | None = None


class Outlook(NamedTuple):
    """What queries will choose from, None where they visit everything, while they see fewer than `until` entries."""

    ranking: Ranking | None
    until: int


class Summary(State, ABC):
    """What a selector remembers of some rows that are alike, so that it need not read their keys at every query.

    covered counts the entries, from the first on, that the summary describes.
    """

    covered: int = 0

    @abstractmethod
    def extend(self, visit: Visit) -> None:
        """Takes in entries from `covered` on, as far as it wants to describe them by now."""

    def leave(self, visit: Visit, stop: int) -> int:
        """Sees entries up to `stop` before they are encoded. Returns up to where they may be; the others wait."""
        return stop

    @property
    def exact(self) -> Exact | None:
        """Keys that every visit shall find as they came, whatever the form in which they are stored."""
        return None

    @abstractmethod
    def select(self, visit: Visit) -> Chosen | None:
        """The entries that the queries visit, the same for all queries of a head; None for all entries."""

    def ranking(self, entries: int) -> Outlook:
        """What `select` would do for a generated token that sees so many entries, before its query is known.

        For selectors that have `ranks`. `extend` comes first, which needs no query then.
        """
        raise NotImplementedError(f"{type(self).__name__} chooses by its queries alone")


@dataclass(frozen=True, kw_only=True)
class Selector(ABC):
    """Base of all selectors.

    surprised: whether summaries need the surprise of tokens.
    """

    surprised: ClassVar[bool] = False

    @abstractmethod
    def summary(self) -> Summary:
        """An empty summary for the rows of one layer and sequence."""

    @property
    def ranks(self) -> bool:
        """Whether its summaries know a `ranking` before each generated token."""
        return False

    @property
    def reads(self) -> int:
        """While text is read: queries that share a selection; 0 where reading visits everything."""
        return 0

    def skips(self, layer: int, layers: int) -> bool:
        """Whether queries of this layer (from 0 of `layers`) visit everything."""
        return False

"""The contract of a digest: what is remembered of a group, and how well a query could match it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.selectors.base import Visit
from longspan.selectors.column import Compound
from longspan.selectors.groupings.base import Formed
from longspan.store.group import Exact


class Digests(Compound, ABC):
    """The digests of the groups of some rows that are alike.

    weighs: whether matches are of attention weights, bounded already where the model bounds its scores.
    """

    weighs: bool = False
    bounded: ClassVar[bool] = False
    """Of a table: what of a query is positive meets the first half of it, what is negative the second."""

    def table(self) -> Tensor:
        """By whose products with queries groups match, `[rows, groups, width]`; for digests that are `linear`."""
        raise NotImplementedError(f"{type(self).__name__} matches queries in another way than by a table")

    def watch(self, visit: Visit) -> None:
        """Sees the queries of a visit, before groups are formed for it."""

    @abstractmethod
    def add(self, formed: Formed, visit: Visit) -> None:
        """Takes in the groups that have just been formed."""

    @property
    def exact(self) -> Exact | None:
        """Keys that are held as they came."""
        return None

    def always(self) -> Tensor | None:
        """Groups that every query visits besides those it chooses, bool `[rows, groups]`, equally many in each row."""
        return None

    @abstractmethod
    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """How well each group may match: query `[rows, k, dim]` → `[rows, k, groups]`, as query · key is.

        The k queries of a row are those of its heads, of each head equally many side by side.
        """


@dataclass(frozen=True, kw_only=True)
class Digest(ABC):
    """Base of all digests.

    ordered: whether it works only where groups are runs of entries. early: whether it is of keys as they come, before
    these are encoded, where the store lets them be seen. linear: whether a match is a product with a table.
    """

    ordered: ClassVar[bool] = False
    early: ClassVar[bool] = False
    linear: ClassVar[bool] = False

    @abstractmethod
    def digests(self) -> Digests:
        """Nothing digested yet."""

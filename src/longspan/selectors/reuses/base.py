"""The contract of a reuse: for how long a selection holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.store.state import State


class Recall(State, ABC):
    """What is remembered of earlier selections."""

    @abstractmethod
    def recall(self, visit: Visit) -> Picked | None:
        """The groups chosen earlier that still hold; None to choose anew. Asked at every visit."""

    @abstractmethod
    def remember(self, visit: Visit, picked: Picked) -> None:
        """Groups that were chosen anew."""


@dataclass(frozen=True, kw_only=True)
class Reuse(ABC):
    """Base of all reuses.

    ordered: whether it works only where groups are runs of entries.
    """

    ordered: ClassVar[bool] = False

    whole: bool = False
    """Whether the queries that choose visit everything, and only those that reuse their choice visit little."""

    @abstractmethod
    def recall(self) -> Recall | None:
        """Nothing remembered yet; None where nothing ever will be."""


class Kept(Recall):
    """The last choice, which holds at most until queries come that do not follow those before: text was read."""

    def __init__(self) -> None:
        self._picked: Picked | None = None
        self._next = -1

    def recall(self, visit: Visit) -> Picked | None:
        """The last choice, if it holds."""
        follows = visit.start == self._next
        self._next = visit.start + visit.query.shape[1]
        return self._picked if self._picked is not None and follows and self.holds(visit) else None

    @abstractmethod
    def holds(self, visit: Visit) -> bool:
        """Whether the last choice is good for a query that follows."""

    def remember(self, visit: Visit, picked: Picked) -> None:
        """The choice."""
        self._picked = picked

    def tensors(self) -> dict[str, Tensor]:
        """The choice."""
        if self._picked is None:
            return {}
        return {"next": torch.tensor(self._next)} | self._picked.tensors()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes it back."""
        self._next, self._picked = int(tensors.get("next", -1)), Picked.of(tensors)

    @property
    def nbytes(self) -> int:
        """Of the choice."""
        return sum(tensor.nbytes for tensor in self.tensors().values() if tensor.ndim)

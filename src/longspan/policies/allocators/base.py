"""The contract of an allocator: how many entries each head of a layer may keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.policies.view import View
from longspan.store.state import State


@dataclass(frozen=True, kw_only=True)
class Allocator(ABC):
    """Base of all allocators.

    profile: the name of the facts about the model that it needs in `view.scene.profile`, "" for none. across_layers:
    whether it compares layers, and so acts once all of them have been scored.
    """

    profile: ClassVar[str] = ""
    across_layers: ClassVar[bool] = False

    def layer_budget(self, budget: int, view: View) -> int:
        """Mean entries per row of this layer, where `budget` is the mean over all layers."""
        return budget

    def state(self) -> State | None:
        """What it remembers of a layer of a sequence from one time to the next, `view.allocation`; None for nothing."""
        return None

    def reshape(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """Scores changed by where an entry lies: an allocator that decides which places a head may keep.

        budget: as in `counts`.
        """
        return scores

    @abstractmethod
    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """Entries to keep in each row, int64 `[kv_heads]`.

        scores: fp32 `[kv_heads, n]`, −∞ where a row has no entry, +∞ where an entry must stay. budget: the mean
        number of entries per row, as `layer_budget` gave it.
        """


@dataclass(frozen=True, kw_only=True)
class ModelAllocator(Allocator):
    """Base of allocators that compare the layers of a model: they act once all layers have been scored."""

    across_layers: ClassVar[bool] = True

    @abstractmethod
    def shares(self, scores: Sequence[Tensor], budget: int) -> list[Tensor]:
        """Entries to keep in each row of each layer, int64 `[kv_heads]` a layer; budget: the mean over all rows."""

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """The shares where there is only one layer."""
        return self.shares([scores], budget)[0]

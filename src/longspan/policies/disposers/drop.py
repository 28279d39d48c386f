"""What is not kept is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.policies.disposers.base import Disposer
from longspan.policies.view import View
from longspan.store.layer import LayerStore


@dataclass(frozen=True, kw_only=True)
class Drop(Disposer):
    """Eviction, as in H2O, https://arxiv.org/abs/2306.14048: the memory of the other entries is freed."""

    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Keeps the chosen entries and nothing else."""
        store.keep(kept)
        return kept

"""What is not kept is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.policies.disposers.base import Disposer
from longspan.policies.view import View
from longspan.registry import Card
from longspan.store.layer import LayerStore

CARD = Card(
    name="drop",
    target="longspan.policies.disposers.drop:Drop",
    paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
    link="https://arxiv.org/abs/2306.14048",
    year=2023,
    training=False,
    changes="Frees the memory of all entries that are not kept.",
)


@dataclass(frozen=True, kw_only=True)
class Drop(Disposer):
    """Eviction, as in H2O, https://arxiv.org/abs/2306.14048: the memory of the other entries is freed."""

    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Keeps the chosen entries and nothing else."""
        store.keep(kept)
        return kept

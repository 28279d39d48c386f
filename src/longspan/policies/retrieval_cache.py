"""The retrieval cache of TriForce: the chunks that the last query finds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import Budget, check_range
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="retrieval-cache",
    target="longspan.policies.retrieval_cache:RetrievalCache",
    paper="TriForce: Lossless Acceleration of Long Sequence Generation with Hierarchical Speculative Decoding",
    link="https://arxiv.org/abs/2404.11912",
    year=2024,
    training=False,
    changes="Keeps the chunks whose mean keys the last query meets best, and the first chunk.",
)


@dataclass(frozen=True, kw_only=True)
class RetrievalCache(Policy):
    """Chunks by query · mean of keys, in each KV head. https://arxiv.org/abs/2404.11912

    It is made to draft with, see decode=triforce. Where heads share keys, theirs is the mean of what their queries say,
    which the paper, whose model shares none, leaves open. The last token stays too.
    """

    budget: Budget = 4096
    """Entries that a row may keep, an int for tokens or a float in (0, 1] for a fraction of the tokens seen."""
    chunk: int = 8
    """Tokens of a chunk, counted from the beginning of the text."""

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 1)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The first chunk and the last token."""
        return self.chunk + 1

    @property
    def observed(self) -> int:
        """The last query."""
        return 1

    def scores(self, view: View) -> Tensor:
        """The last query · the mean key of an entry's chunk; +∞ for the first chunk and the last token."""
        query = view.queries[:, -1].unflatten(0, (-1, view.group)).float().mean(1)
        products = (view.keys.float() @ query[..., None])[..., 0].masked_fill(~view.exists(), 0.0)
        numbers = view.positions // self.chunk
        totals = products.new_zeros(len(products), view.scene.seen // self.chunk + 1)
        sizes = torch.zeros_like(totals).scatter_add_(1, numbers, view.exists().to(totals.dtype))
        means: Tensor = totals.scatter_add_(1, numbers, products) / sizes.clamp(min=1.0)
        stays = (numbers == 0) | (view.positions == view.scene.seen - 1)
        return means.gather(1, numbers).masked_fill(stays, torch.inf)

"""TOVA: what the last query attends to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="tova",
    target="longspan.policies.tova:TOVA",
    paper="Transformers are Multi-State RNNs",
    link="https://arxiv.org/abs/2401.06104",
    year=2024,
    training=False,
    changes="Keeps the tokens to which the last query attends, the same in all heads.",
)


@dataclass(frozen=True, kw_only=True)
class TOVA(Policy):
    """Attention of the last query, averaged over all heads of a layer. https://arxiv.org/abs/2401.06104

    All heads rate a token alike, so that with equal shares they keep the same tokens. The last token always stays,
    which the paper leaves to its usually high weight. The paper evicts after every token (when="chunk" with a
    chunk of one token); with the default the whole text is evicted at once.
    """

    @property
    def observed(self) -> int:
        """The last query."""
        return 1

    def scores(self, view: View) -> Tensor:
        """Mean weight over the query heads; 0 from a head that has lost the token; +∞ for the last token."""
        received = view.attention(slice(-1, None)).sum((1, 2))
        totals = received.new_zeros(view.scene.seen).index_add_(
            0, view.positions.flatten(), received.flatten()
        )
        means = totals / view.queries.shape[0]
        return means[view.positions].masked_fill(view.positions == view.scene.seen - 1, torch.inf)

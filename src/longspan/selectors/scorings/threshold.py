"""Everything above a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.scorings.base import Scoring, all_of, ranked_sizes

CARD = Card(
    name="threshold",
    target="longspan.selectors.scorings.threshold:Threshold",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="Each head visits the groups above a threshold that all heads have in common.",
)


@dataclass(frozen=True, kw_only=True)
class Threshold(Scoring):
    """Each head visits the groups whose estimated weight is above a threshold common to all heads.

    As in Squeezed Attention, https://arxiv.org/abs/2411.09688: a group C of N keys weighs
    exp(q·C/√d) / Σ N exp(q·C/√d), an estimate of what attention would give to each of its keys. Heads that look at
    little visit little.
    """

    level: float | None = None
    """The weight above which a group is visited. None sets it at every choice so that the heads which choose
    together visit `budget` entries on average; the paper calibrates one level for all layers beforehand, with the
    last queries of the fixed context.
    """

    def __post_init__(self) -> None:
        if self.level is not None:
            check_range("level", self.level, 0.0, 1.0)

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """log of the estimated weight of a key, for each head."""
        logits = visit.scene.softmax.logits(match)
        keys = torch.tensor(float(sizes)) if isinstance(sizes, int) else sizes[:, None].float()
        return logits - (logits + keys.log().to(logits.device)).logsumexp(-1, keepdim=True)

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """What is above the threshold: each head may choose any number of groups."""
        if self.level is None and budget is None:
            return all_of(scores)
        everything = torch.arange(scores.shape[-1], device=scores.device).expand_as(scores)
        if self.level is not None:
            above = scores.exp() > self.level
        else:
            flat = scores.flatten().argsort(descending=True)
            used = ranked_sizes(everything, sizes).flatten()[flat].cumsum(0)
            above = torch.zeros_like(scores, dtype=torch.bool).flatten()
            heads = scores.shape[0] * scores.shape[1]
            above[flat[used <= (budget or 0) * heads]] = True
            above = above.view_as(scores)
        counts = above.sum(-1)
        ascending = (
            everything.masked_fill(~above, scores.shape[-1]).sort(-1).values[..., : max(1, int(counts.max()))]
        )
        return Picked(ascending.clamp(max=scores.shape[-1] - 1), counts)

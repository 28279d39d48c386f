"""Spans around the entries that heads vote for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.scorings.base import Scoring, all_of

# Matches that are looked at together.
_MATCHES = 1 << 24


CARD = Card(
    name="spans",
    target="longspan.selectors.scorings.spans:Spans",
    paper="Farewell to Length Extrapolation, a Training-Free Infinite Context with Finite Attention Scope",
    link="https://arxiv.org/abs/2407.15176",
    year=2024,
    training=False,
    changes="All heads of a layer visit spans around the groups with the most votes.",
)


@dataclass(frozen=True, kw_only=True)
class Spans(Scoring):
    """Each query of each head votes for its best groups, and all visit the spans around those with the most votes.

    The cache selection of LongCache, https://arxiv.org/abs/2407.15176. Of groups with equally many votes the best match
    wins.
    """

    joint: ClassVar[bool] = True

    top: int = 4
    """Groups that each query votes for."""
    span: int = 32
    """Groups of a span, half of them before its middle. As many spans are visited as fit into the budget if none of
    them meet.
    """

    def __post_init__(self) -> None:
        check_range("top", self.top, 1)
        check_range("span", self.span, 1)

    def probes(self, query: Tensor, groups: int) -> Iterator[Tensor]:
        """Every query."""
        yield from query.split(max(1, _MATCHES // (len(query) * groups)), 1)

    def joined(self, scores: Sequence[Tensor]) -> Tensor:
        """The sum of votes, and the mean of what the matches add."""
        votes = torch.stack([part.floor() for part in scores]).sum(0)
        return votes + torch.stack([part % 1 for part in scores]).mean(0)

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser: the number of votes, and a part of one for the match."""
        votes = torch.zeros(match.shape[-1], dtype=torch.float64, device=match.device)
        voted = match.float().topk(min(self.top, match.shape[-1]), -1).indices.flatten()
        votes.index_add_(0, voted, torch.ones_like(voted, dtype=votes.dtype))
        weight = visit.scene.softmax.logits(match).softmax(-1).mean((0, 1))
        return (votes + weight / 2)[None, None]

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """The groups of all spans, each once."""
        if budget is None:
            return all_of(scores)
        count = scores.shape[-1]
        room = budget // (sizes if isinstance(sizes, int) else int(sizes.max()))
        span = max(1, min(self.span, room))
        voted = int((scores >= 1).sum())
        middle = scores[0, 0].topk(max(1, min(room // span, voted))).indices
        inside = middle[:, None] + torch.arange(span, device=scores.device) - span // 2
        return Picked(inside.flatten().clamp_(0, count - 1).unique()[None, None])

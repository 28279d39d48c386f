"""Look-once: everything that the end of the text looks at, however much that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import Budget, check_range
from longspan.policies.base import Policy
from longspan.policies.gathering import PerEntry, gathered
from longspan.policies.tracker import Tracking
from longspan.policies.view import View
from longspan.registry import Card
from longspan.scene import Scene

# Queries whose weights over all positions are held at a time.
_QUERIES = 128


class LookedAt(PerEntry):
    """The position of the last query that looked at an entry: gave it the threshold or more, mean over all heads.

    With it the entries of any last share of the text are known once the text has ended, however long it is.
    """

    blank = -1.0

    def __init__(self, threshold: float, scaled: bool) -> None:
        super().__init__()
        self._threshold, self._scaled = threshold, scaled

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Notes where the new queries look."""
        if rehearsed:
            return
        latest = torch.full((view.scene.seen,), self.blank, device=view.positions.device)
        for start in range(0, view.queries.shape[1], _QUERIES):
            some = slice(start, start + _QUERIES)
            at = view.query_positions[some]
            part = replace(
                view,
                queries=view.queries[:, some],
                query_positions=at,
                scene=view.scene if self._scaled else _unscaled(view.scene),
            )
            looking = part.shared() >= self._threshold
            last = torch.where(looking, at[:, None].float(), self.blank).amax(0)
            latest = torch.maximum(latest, last)
        mine = latest[view.positions].masked_fill(~view.exists(), self.blank)
        self.held = torch.maximum(self.numbers(view), mine)


def _unscaled(scene: Scene) -> Scene:
    """With the softmax of query · key by itself, bounded where the model bounds its scores."""
    own = scene.softmax
    bound = None if own.softcap is None else own.softcap / own.scale
    return replace(scene, softmax=replace(own, scale=1.0, softcap=bound))


@dataclass(frozen=True, kw_only=True)
class Looking(Tracking):
    """Who looked at what; threshold and scaled as in `LookOnce`."""

    threshold: float
    scaled: bool

    def tracker(self) -> LookedAt:
        """Before anyone has looked."""
        return LookedAt(self.threshold, self.scaled)


CARD = Card(
    name="look-once",
    target="longspan.policies.look_once:LookOnce",
    paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
    link="https://arxiv.org/abs/2501.06807",
    year=2025,
    training=False,
    changes="Keeps the tokens to which the last fifth of the text pays a threshold or more, as many as there are.",
    field=(199,),
)


@dataclass(frozen=True, kw_only=True)
class LookOnce(Policy):
    """The static eviction of MPCache: what the end of the text looks at stays. https://arxiv.org/abs/2501.06807

    A token stays if one of the last queries gives it `threshold` or more of its attention, as a mean over all heads
    of the layer; the same tokens stay in all heads, as many as there are.

    Deviations: the authors' softmax has no causal mask, here a query sees the tokens up to itself; a token that some
    heads have lost counts nothing in these.
    """

    choosy: ClassVar[bool] = True

    budget: Budget = 1.0
    """What a row may keep at most, of the tokens that were looked at last; the authors have no such bound."""
    threshold: float = 1e-8
    """The weight from which on a query looks at a token, in [0, 1]; the authors choose it for each data set,
    1e-8 for HotpotQA, 1e-3 NarrativeQA, 1e-4 TriviaQA, 1e-20 passage retrieval.
    """
    last: float = 0.2
    """The share of the text whose queries look, at least one; the authors take 0.1 of more than 24,000 tokens, to
    save memory.
    """
    scaled: bool = False
    """Whether weights are the model's own; the authors take the softmax of query · key without 1/√d, so that it is
    sharper.
    """

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, 0.0, 1.0)
        check_range("last", self.last, 0.0, 1.0)
        super().__post_init__()

    @property
    def tracking(self) -> Looking:
        """Who looked at what."""
        return Looking(threshold=self.threshold, scaled=self.scaled)

    def scores(self, view: View) -> Tensor:
        """The position of the last query that looked at an entry, −1 for none."""
        return gathered(view, LookedAt).numbers(view)

    def wanted(self, view: View) -> Tensor:
        """The entries that one of the last queries looked at, at least one."""
        last = max(1, int(view.scene.seen * self.last))
        return (self.scores(view) >= view.scene.seen - last).sum(1).clamp(min=1)

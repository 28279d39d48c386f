"""Expected attention: what queries to come would attend to, if they are like those that were."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.rotation import Table, rotate
from longspan.kernels.softmax import beside
from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.gathering import gathered
from longspan.policies.tracker import Tracker, Tracking
from longspan.policies.view import View
from longspan.registry import Card


class Moments(Tracker):
    """Mean and covariance of all queries from position `first` on, before their rotation.

    Merged block by block in fp64 (Chan et al. 1979): mean `[heads, dim]`, held in fp64, since the covariance is taken
    from it; covariance `[heads, dim, dim]`, held in fp32.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.count = 0
        self.mean = self.covariance = torch.empty(0)

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Merges the new queries."""
        if rehearsed:
            return
        if not self.mean.numel():
            heads, _, dim = raw.shape
            self.mean = torch.zeros(heads, dim, dtype=torch.float64, device=raw.device)
            self.covariance = torch.zeros(heads, dim, dim, device=raw.device)
        new = raw[:, view.query_positions >= self.first].double()
        if count := new.shape[1]:
            mean = new.mean(1)
            centred = new - mean[:, None]
            step = mean - self.mean
            share = count / (self.count + count)
            spread = centred.mT @ centred / count
            between = step[:, :, None] * step[:, None] * (share * (1 - share))
            self.covariance = (self.covariance * (1 - share) + spread * share + between).float()
            self.mean = self.mean + step * share
            self.count += count

    def tensors(self) -> dict[str, Tensor]:
        """The moments, and of how many queries they are."""
        if not self.mean.numel():
            return {}
        return {"count": torch.tensor(self.count), "mean": self.mean, "covariance": self.covariance}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self.count = int(tensors["count"]) if tensors else 0
        self.mean = tensors.get("mean", torch.empty(0))
        self.covariance = tensors.get("covariance", torch.empty(0))


@dataclass(frozen=True, kw_only=True)
class Statistics(Tracking):
    """Mean and covariance of the queries from position `first` on."""

    first: int

    def tracker(self) -> Moments:
        """Of no query."""
        return Moments(self.first)


CARD = Card(
    name="expected-attention",
    target="longspan.policies.expected_attention:ExpectedAttention",
    paper="Expected Attention: KV Cache Compression by Estimating Attention from Future Queries Distribution",
    link="https://arxiv.org/abs/2510.00636",
    year=2025,
    training=False,
    changes="Keeps the entries to which queries like those of the text would attend from the positions to come.",
)


@dataclass(frozen=True, kw_only=True)
class ExpectedAttention(Policy):
    """Attention that future queries are expected to pay, times ‖value‖. https://arxiv.org/abs/2510.00636

    Queries before rotation are taken as normal, with the mean and covariance of those of the text, and their rotation
    as its mean over the positions to come; so exp(query · key · scale) has a closed-form mean.
    The defaults are the setting of the authors' evaluation, which also has allocator=adakv(rule=guard); the class of
    kvpress has epsilon 0. Deviations: the model's own scale stands where they write 1/√d; a model's learned sinks take
    part in the softmax; its softcap is left out, for which there is no closed form.
    """

    future: int = 512
    """Positions to come, over which the rotation of queries is averaged."""
    sinks: int = 4
    """First tokens that always stay, and whose queries do not count."""
    covariance: bool = True
    """Whether the covariance of the queries counts, or only their mean."""
    vnorm: bool = True
    """Whether scores are multiplied with ‖value‖₂."""
    epsilon: float = 0.01
    """What is added to scores before they are multiplied with ‖value‖₂."""

    def __post_init__(self) -> None:
        check_range("future", self.future, 1)
        check_range("sinks", self.sinks, 0)
        check_range("epsilon", self.epsilon, 0.0)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The sinks and one more."""
        return self.sinks + 1

    @property
    def tracking(self) -> Statistics:
        """Moments of the queries after the sinks."""
        return Statistics(first=self.sinks)

    def scores(self, view: View) -> Tensor:
        """(softmax of the expected scores, mean over the group, + epsilon) × ‖value‖₂; +∞ for the sinks."""
        moments, softmax = gathered(view, Moments), view.scene.softmax
        turn = self._mean_turn(view)
        mean, covariance = moments.mean[:, None].float(), moments.covariance
        if turn is not None:
            mean = rotate(mean, turn)
            covariance = rotate(rotate(covariance, turn).mT, turn)  # R C Rᵀ, C being symmetric
        sinks = view.positions < self.sinks
        hidden = sinks | ~view.exists()
        keys = view.keys.float()
        attention = torch.zeros_like(view.positions, dtype=torch.float32)
        for member in range(view.group):
            expected = (keys * mean[member :: view.group]).sum(-1) * softmax.scale
            if self.covariance:
                spread = ((keys @ covariance[member :: view.group]) * keys).sum(-1)
                expected += spread * (softmax.scale**2 / 2)
            learned = None if softmax.sinks is None else softmax.sinks[member :: view.group]
            attention += beside(expected.masked_fill(hidden, -torch.inf), learned) / view.group
        if self.vnorm:
            attention = (attention + self.epsilon) * view.values.float().norm(dim=-1)
        return attention.masked_fill(sinks, torch.inf)

    def _mean_turn(self, view: View) -> Table | None:
        """The rotation, averaged over the positions to come; a rotation is linear in its cosines and sines."""
        coming = torch.arange(view.scene.seen, view.scene.seen + self.future, device=view.positions.device)
        turn = view.turn(coming)
        if turn is None:
            return None
        return Table(
            cos=turn.cos.mean(-2, keepdim=True),
            sin=turn.sin.mean(-2, keepdim=True),
            interleaved=turn.interleaved,
        )

"""CriticalKV: scores of another policy, weighted with what an entry's value does to the layer's output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.expected_attention import ExpectedAttention
from longspan.policies.snapkv import SnapKV
from longspan.policies.tracker import Script, Tracking
from longspan.policies.view import View
from longspan.registry import Card
from longspan.store.layer import LayerStore

BLOCK_NUMBERS = 1 << 22
"""Numbers of projected values that are held at a time."""


CARD = Card(
    name="criticalkv",
    target="longspan.policies.criticalkv:CriticalKV",
    paper="Identify Critical KV Cache in LLM Inference from an Output Perturbation Perspective",
    link="https://arxiv.org/abs/2502.03805",
    year=2025,
    training=False,
    changes="Weights another policy's scores with what an entry's value does to the layer's output.",
)


@dataclass(frozen=True, kw_only=True)
class CriticalKV(Policy):
    """Part of the budget by a policy's scores s, the rest by (s + epsilon) · ‖W_o v‖₁. https://arxiv.org/abs/2502.03805

    W_o is the part of the output matrix that belongs to a query head; norms are averaged over the query heads of a
    group, as in kvpress. Where heads compete (allocator=adakv) they do so by s, as in the authors' Critical-AdaKV.
    """

    scorer: Policy = field(default_factory=SnapKV, metadata={"room": "policy"})
    """The policy whose scores are used; its budget, when, unit, allocator and disposer are left at their defaults,
    since those of this policy count. Its own factor of value norms (vnorm of expected-attention) is switched
    off, since norms would count twice.
    """
    epsilon: float = 1e-4
    """What is added to scores before they are multiplied with the norms."""
    first: float = 0.5
    """Share of each head's entries that are chosen by s alone."""

    def __post_init__(self) -> None:
        check_range("epsilon", self.epsilon, 0.0)
        check_range("first", self.first, 0.0, 1.0)
        for each in fields(Policy):
            own = type(self.scorer).__dataclass_fields__[each.name]
            default = own.default if own.default_factory is MISSING else own.default_factory()
            if getattr(self.scorer, each.name) != default:
                raise ValueError(
                    f"scorer sets {each.name}={getattr(self.scorer, each.name)!r}, which has no effect there; "
                    f"give {each.name} to criticalkv itself"
                )
        object.__setattr__(self, "guided", self.scorer.guided)
        object.__setattr__(self, "choosy", self.scorer.choosy)
        super().__post_init__()

    @cached_property
    def _inner(self) -> Policy:
        """The scorer with this policy's budget, so that its shares of a budget are shares of this one."""
        shared = {each.name: getattr(self, each.name) for each in fields(Policy)}
        if isinstance(self.scorer, ExpectedAttention):
            shared["vnorm"] = False
        return replace(self.scorer, **shared)

    @property
    def min_entries(self) -> int:
        """What the scorer always keeps."""
        return self._inner.min_entries

    @property
    def observed(self) -> int:
        """What the scorer observes."""
        return self._inner.observed

    @property
    def tracking(self) -> Tracking | None:
        """What the scorer gathers."""
        return self._inner.tracking

    @property
    def rehearses(self) -> bool:
        """Whether the scorer does."""
        return self._inner.rehearses

    def rehearsals(self, script: Script) -> Iterable[Sequence[int]]:
        """The scorer's."""
        return self._inner.rehearsals(script)

    def scores(self, view: View) -> Tensor:
        """The scorer's, by which heads compete."""
        return self._inner.scores(view)

    def wanted(self, view: View) -> Tensor:
        """What the scorer wants."""
        return self._inner.wanted(view)

    def evict(self, store: LayerStore, view: View, scores: Tensor, counts: Tensor) -> None:
        """Of each row's entries the first share by `scores`, the others by what they do to the output."""
        weighted = torch.where(scores.isfinite(), (scores + self.epsilon) * output_norms(view), scores)
        critical = self.unit.pool(weighted, view)
        for row, (count, length) in enumerate(zip(counts.tolist(), view.lengths, strict=True)):
            sure = min(int(count * self.first), length)
            critical[row, self.unit.choose(scores[row, :length], sure, view, row)] = torch.inf
        super().evict(store, view, critical, counts)


def output_norms(view: View) -> Tensor:
    """‖W_o v‖₁ of each entry, mean over the query heads of its group: fp32 `[kv_heads, n]`.

    Raises PlanError where the layer has no such matrix.
    """
    output = view.output
    if output is None:
        raise PlanError(
            f"criticalkv needs the matrix that follows the heads, and layer {view.scene.layer} of this model has none; "
            "make its scorer the policy"
        )
    weight = output.detach().float().unflatten(1, (len(view.values), view.group, -1)).permute(1, 2, 3, 0)
    block = max(1, BLOCK_NUMBERS // weight[0, 0].shape[1])
    norms = torch.zeros(view.values.shape[:2], device=view.values.device)
    for row, values in enumerate(view.values):
        for start in range(0, len(values), block):
            part = values[start : start + block].float()
            for matrix in weight[row]:
                norms[row, start : start + block] += (part @ matrix).abs().sum(-1) / view.group
    return norms

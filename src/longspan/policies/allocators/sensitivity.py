"""Layers that suffer more from eviction keep more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.policies.allocators.adakv import AdaKV
from longspan.policies.view import View
from longspan.registry import Card
from longspan.slots import Slots

CARD = Card(
    name="sensitivity",
    target="longspan.policies.allocators.sensitivity:Sensitivity",
    paper="EpiCache: Episodic KV Cache Management for Long Conversational Question Answering",
    link="https://arxiv.org/abs/2509.17396",
    year=2025,
    training=False,
    changes="Gives more entries to layers whose keys change more when entries go.",
    field=(81,),
    missing="Layers are measured on at most 2048 tokens of sentences from templates, where the authors read "
    "a book in blocks of 4096, since no book is shipped.",
)


@dataclass(frozen=True, kw_only=True)
class Sensitivity(AdaKV):
    """Budgets in proportion to sensitivity ** alpha, as in EpiCache. https://arxiv.org/abs/2509.17396

    Sensitivity, 1 − similarity of keys with and without eviction, is measured once of the model (profile
    "sensitivity").
    Deviations: the authors lift layers to their share without taking it from others, and so exceed the budget; here the
    mean over the layers is the budget, and what a layer cannot use because it holds all entries goes to others. They
    first stretch sensitivities to 0 .. 1, which changes nothing where the first layer, whose keys never change, sees
    everything.
    """

    profile: ClassVar[str] = "sensitivity"

    alpha: float = 1.1
    """How sharply layers are told apart; the authors take 1.1 for Llama and 1.3 for Qwen."""
    share: float = 0.25
    """The part of the mean budget that each layer gets in any case."""
    base: int = 0
    """Entries that each layer gets in any case."""
    floor: float = 0.0
    """The share of the layer's budget that each head keeps in any case; the authors let heads compete without one.
    """

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0)
        check_range("share", self.share, 0.0, 1.0)
        check_range("base", self.base, 0)
        super().__post_init__()

    def check(self, plan: Slots) -> None:
        """Refuses policies that always keep more than the smallest layer may get."""
        policy = plan.policy
        if policy is not None and policy.min_entries > max(self.base, policy.observed, 1):
            raise PlanError(
                f"sensitivity: base={self.base} is outside {policy.min_entries} .. ∞: the policy always keeps "
                f"{policy.min_entries} entries in every layer; write allocator=sensitivity(base={policy.min_entries})"
            )

    def layer_budget(self, budget: int, view: View) -> int:
        """The layer's share of what all layers get; over those without a window the mean is exactly `budget`."""
        sensitivities = view.scene.profile(self.profile).tolist()
        layers = [layer for layer, each in enumerate(sensitivities) if each > 0]
        if budget >= view.scene.read:
            return budget
        low = min(budget, max(1, round(budget * self.share), self.base, view.queries.shape[1]))
        weights = [sensitivities[layer] ** self.alpha for layer in layers]
        shares = bounded_shares(weights, total=budget * len(layers), smallest=low, largest=view.scene.read)
        # Halves go up, and ends that differ by whole numbers are rounded alike, so that none falls below `low`.
        ends = [math.floor(round(end, 6) + 0.5) for end in accumulate(shares, initial=0.0)]
        place = layers.index(view.scene.layer)
        return ends[place + 1] - ends[place]


def bounded_shares(weights: Sequence[float], *, total: float, smallest: float, largest: float) -> list[float]:
    """`total` shared out in proportion to the weights, each share within smallest .. largest; total must allow that."""
    low, high = -2000.0, 2000.0  # of the factor's logarithm
    logs = [math.log(max(weight, 1e-300)) for weight in weights]

    def shares(factor: float) -> list[float]:
        return [min(largest, max(smallest, math.exp(min(700.0, log + factor)))) for log in logs]

    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(shares(middle)) > total else (middle, high)
    return shares(low)

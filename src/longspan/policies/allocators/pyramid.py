"""Lower layers keep more than higher ones."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.view import View
from longspan.registry import Card
from longspan.slots import Slots

CARD = Card(
    name="pyramid",
    target="longspan.policies.allocators.pyramid:Pyramid",
    paper="PyramidKV: Dynamic KV Cache Compression based on Pyramidal Information Funneling",
    link="https://arxiv.org/abs/2406.02069",
    year=2024,
    training=False,
    changes="Gives lower layers more entries than higher ones.",
)


@dataclass(frozen=True, kw_only=True)
class Pyramid(Uniform):
    """Budgets that fall linearly from the first layer to the last. https://arxiv.org/abs/2406.02069

    With base=0, as in kvpress, all layers get the mean where the last one's share would not hold the observed window:
    with a window of 64 that is so for long texts and budgets below 1280.
    """

    beta: float = 20.0
    """The last layer gets 1/beta of the mean, the first what makes up for it; where that is more than the text
    before the observed window, the excess goes to the last layers.
    """
    base: int | None = None
    """Entries that every layer gets before the rest is shared out like this; none, as in the authors' code, is as
    many as the policy observes.
    """

    def __post_init__(self) -> None:
        check_range("beta", self.beta, 1.0)
        if self.base is not None:
            check_range("base", self.base, 0)

    def check(self, plan: Slots) -> None:
        """Refuses policies that always keep more than the smallest layer may get."""
        policy = plan.policy
        if policy is not None and policy.min_entries > max(self.base or 0, policy.observed, 1):
            raise PlanError(
                f"pyramid: base={self.base or 0} is outside {policy.min_entries} .. ∞: the policy always keeps "
                f"{policy.min_entries} entries in every layer; write allocator=pyramid(base={policy.min_entries})"
            )

    def layer_budget(self, budget: int, view: View) -> int:
        """The layer's step of the pyramid; over all layers the mean is exactly `budget`."""
        window = view.queries.shape[1]
        base = window if self.base is None else self.base
        rest = budget - base
        low = rest / self.beta
        high = min(2 * rest - low, view.scene.read - max(base, window))
        low = 2 * rest - high
        if view.scene.places == 1 or high < low or base + low < max(1, window):
            return budget
        below = min(view.scene.place, view.scene.places - 1 - view.scene.place)
        share = round(high - below * (high - low) / (view.scene.places - 1))
        return base + (share if below == view.scene.place else 2 * rest - share)

"""A plan at work on a model: its parts, and what they share for all sequences that are read under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from torch import Tensor

from longspan.parameters import check_range
from longspan.patterns.thinning import Thinning
from longspan.plan import Plan
from longspan.policies.base import Policy
from longspan.policies.tracker import Tracking
from longspan.positions.base import Positions
from longspan.running.attention_state import AttentionState, Parts
from longspan.running.paces import paces
from longspan.running.reach import check_reached, check_stretched, reached, windows_under
from longspan.seam.seam import Seam
from longspan.selectors.base import Selector
from longspan.store.form import Form, Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger
from longspan.store.medium import MEMORY

CHUNK = 2048
"""Tokens of a sequence that pass through the model at a time, where nobody says otherwise."""


def _unmeasured(name: str) -> Tensor:
    raise LookupError(f"no profile {name!r} was given to this engine")


class Engine:
    """What a plan's parts are on a model.

    forks: plans that sequences forked from this one's may have; what their policies need to know is gathered from the
    beginning. chunk: tokens of a sequence that pass through the model at a time. observe: how many of the last queries
    each layer remembers at least. profile: facts measured once of the model, by name. window: tokens that may be read
    at most, by default what the plan's positions support. windows: of each layer, None where it sees everything.
    selectors: of each layer, None where its queries visit everything. paces: what passes take.
    reached: in how many layers each part of the plan acts, by slot.
    """

    def __init__(
        self,
        seam: Seam,
        plan: Plan,
        *,
        forks: Iterable[Plan] = (),
        chunk: int = CHUNK,
        observe: int = 0,
        profile: Callable[[str], Tensor] | None = None,
        window: int | None = None,
    ) -> None:
        self.seam, self.plan, self.chunk = seam, plan, chunk
        self.pattern = plan.pattern
        self.thinning = plan.pattern if isinstance(plan.pattern, Thinning) else None
        self.policy: Policy | None = plan.policy
        self.selector: Selector | None = plan.selector
        self.codec = plan.codec
        self.raw: bool = plan.codec is not None and plan.codec.raw
        self.profile = profile or _unmeasured
        self.scheme: Positions = (plan.positions or Positions()).measured(self.profile)
        if window is not None:
            check_range("window", window, 1)
        self.window = self.scheme.window(seam.window) if window is None else window
        self.windows = windows_under(plan, seam, self.window)
        self.full_layers = tuple(layer for layer, each in enumerate(self.windows) if each is None)
        self.selectors = [self._selector_of(layer) for layer in range(len(self.windows))]
        self.reached = reached(plan, self.scheme, seam, self.windows)
        policies = [each.policy for each in (plan, *forks) if each.policy is not None]
        gathered = dict.fromkeys(each.tracking for each in policies if each.tracking is not None)
        self.parts = Parts(plan=plan, trackings=tuple(gathered))
        self.paces = paces(seam, plan)
        self.watch_seconds: dict[Tracking, float] = dict.fromkeys(gathered, 0.0)
        self.observed = max(
            [observe, plan.codec.observed if plan.codec else 0, *(policy.observed for policy in policies)]
        )

    @property
    def remembers(self) -> bool:
        """Whether layers with attention remember anything besides their entries."""
        plan = self.plan
        parts = (plan.pattern, plan.policy, plan.selector, plan.codec)
        return bool(self.parts.trackings) or any(each is not None for each in parts)

    def gathers(self, policy: Policy | None) -> bool:
        """Whether what a policy wants to know is gathered from the beginning."""
        return policy is None or policy.tracking is None or policy.tracking in self.parts.trackings

    @property
    def leaves_entries(self) -> bool:
        """Whether entries stay where and as the model made them."""
        return self.policy is None and self.selector is None and self.codec is None

    def checked(self) -> Self:
        """Itself. Raises PlanError for a part that acts in no layer of the model, or stretches what is stretched."""
        check_stretched(self.plan, self.scheme, self.seam)
        check_reached(self.plan, self.reached, self.windows)
        return self

    def watched(self, others: Iterable[Engine]) -> None:
        """Takes over the seconds for which others watched."""
        for each in others:
            for tracking, seconds in each.watch_seconds.items():
                self.watch_seconds[tracking] = self.watch_seconds.get(tracking, 0.0) + seconds

    def layers(self, ledger: Ledger) -> list[AttentionState]:
        """Empty layers for one sequence.

        Layers with a window keep few entries: in memory, and as the model made them unless the codec's form encodes
        each entry at once.
        """
        layers = []
        for facts, window in zip(self.seam.layers, self.windows, strict=True):
            form: Form = self.codec.form() if self.codec else Plain()
            medium = self.codec.medium if self.codec else MEMORY
            trackers = {tracking: tracking.tracker() for tracking in self.parts.trackings}
            if window is not None:
                form, medium, trackers = (form if form.at_once else Plain()), MEMORY, {}
            store = LayerStore(facts.kv_heads, form, ledger, medium=medium)
            layers.append(AttentionState(store, self.parts, trackers=trackers))
        return layers

    def _selector_of(self, layer: int) -> Selector | None:
        selector = self.selector
        if selector is None or self.windows[layer] is not None:
            return None
        return None if selector.skips(layer, len(self.windows)) else selector

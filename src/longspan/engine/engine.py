"""A plan at work on a model: forward passes, and what its policy does with what they leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

import torch
from torch import Tensor

from longspan.borrowing import Attention
from longspan.engine.memory import LayerMemory, Memory
from longspan.engine.passing import Pass, Portion
from longspan.engine.reach import check_reached, check_stretched, reached, windows_under
from longspan.engine.view import Viewer
from longspan.parameters import check_range
from longspan.patterns.thinning import Thinning
from longspan.plan import Plan
from longspan.policies.allocators.base import ModelAllocator
from longspan.policies.base import Policy
from longspan.policies.tracker import Script, Tracking
from longspan.policies.view import View
from longspan.positions.base import Positions, Rope
from longspan.seam import Seam
from longspan.selectors.base import Selector
from longspan.store.form import Form, Plain
from longspan.store.layer import LayerStore, Leaving
from longspan.store.ledger import Ledger
from longspan.store.medium import MEMORY

# Queries of generated tokens are shown to trackers this many at a time.
_WATCH = 64


def _unmeasured(name: str) -> Tensor:
    raise LookupError(f"no profile {name!r} was given to this engine")


class Engine:
    """What a plan's parts do between the layers of a model.

    forks: plans that sessions forked from this one may have; what their policies need to know is gathered from the
    beginning. observe: how many of the last queries each layer remembers at least. profile: facts measured once of
    the model, by name. reach: tokens that may be read at most, by default what the plan's positions support.
    reached: in how many layers each part of the plan acts, by slot.
    """

    def __init__(
        self,
        seam: Seam,
        plan: Plan,
        *,
        forks: Iterable[Plan] = (),
        observe: int = 0,
        profile: Callable[[str], Tensor] | None = None,
        reach: int | None = None,
    ) -> None:
        self.seam = seam
        self.pattern = plan.pattern
        self.thinning = plan.pattern if isinstance(plan.pattern, Thinning) else None
        self.policy: Policy | None = plan.policy
        self.selector: Selector | None = plan.selector
        self.codec = plan.codec
        self.raw: bool = plan.codec is not None and plan.codec.raw
        self.profile = profile or _unmeasured
        self.scheme: Positions = (plan.positions or Positions()).measured(self.profile)
        if reach is not None:
            check_range("window", reach, 1)
        self.window = self.scheme.window(seam.window) if reach is None else reach
        self.windows = windows_under(plan, seam, self.window)
        self._plan = plan
        self.reached = reached(plan, self.scheme, seam, self.windows)
        self._viewer = Viewer(
            seam=seam,
            raw=self.raw,
            profile=self.profile,
            full_layers=tuple(layer for layer, window in enumerate(self.windows) if window is None),
        )
        policies = [each.policy for each in (plan, *forks) if each.policy is not None]
        self.trackings = list(dict.fromkeys(each.tracking for each in policies if each.tracking is not None))
        self.watch_seconds: dict[Tracking, float] = dict.fromkeys(self.trackings, 0.0)
        self.observed = max(
            [observe, plan.codec.observed if plan.codec else 0, *(policy.observed for policy in policies)]
        )

    def checked(self) -> Self:
        """Itself. Raises PlanError for a part that acts in no layer of the model, or stretches what is stretched."""
        check_stretched(self._plan, self.scheme, self.seam)
        check_reached(self._plan, self.reached, self.windows)
        return self

    @property
    def deferred(self) -> bool:
        """Whether the policy acts after a pass through all layers, and not within each."""
        return self.policy is not None and (
            isinstance(self.policy.allocator, ModelAllocator)
            or type(self.policy).rehearsals is not Policy.rehearsals
        )

    def memory(self, ledger: Ledger) -> Memory:
        """An empty memory for one sequence.

        Layers with a window keep few entries: in memory, and as the model made them unless the codec's form encodes
        each entry at once.
        """
        layers = []
        for facts, window in zip(self.seam.layers, self.windows, strict=True):
            form: Form = self.codec.form() if self.codec else Plain()
            medium = self.codec.medium if self.codec else MEMORY
            trackers = {tracking: tracking.tracker() for tracking in self.trackings}
            if window is not None:
                form, medium, trackers = (form if form.at_once else Plain()), MEMORY, {}
            store = LayerStore(facts.kv_heads, form, ledger, medium=medium)
            layers.append(LayerMemory(store, trackers=trackers))
        return Memory(layers)

    def positions(self, memory: Memory, length: int) -> Positions:
        """The plan's positions for a sequence that has come to so many tokens."""
        reach = length if self.scheme.dynamic else memory.fitted or length
        return self.scheme.fitted(reach, self.seam.window)

    def rope(self, memory: Memory, layer: int, length: int) -> Rope:
        """The model's own rotation in a layer, for a sequence that has come to so many tokens."""
        return self.seam.layers[layer].rope.at(max(length, memory.announced))

    def reserve(self, memory: Memory, count: int) -> None:
        """Makes room for `count` more tokens where nothing will drop them first."""
        for layer, window in zip(memory.layers, self.windows, strict=True):
            if window is None:
                layer.store.reserve(count)

    def forward(
        self,
        portions: Sequence[Portion],
        keep: Sequence[int],
        beside: Callable[[Attention], Attention] | None = None,
    ) -> Tensor:
        """Runs the portions packed one after another, without padding, and remembers them.

        keep: indices into the packed tokens whose logits are wanted. beside: makes of the attention one that does more.
        Returns `[len(keep), vocab]`.
        """
        device = self.seam.device
        run = Pass(self, portions, keep)
        logits = self.seam.forward(
            torch.cat([portion.ids for portion in portions]),
            torch.cat(
                [torch.arange(len(portion.ids), device=device) + portion.memory.seen for portion in portions]
            ),
            torch.tensor(keep, dtype=torch.long, device=device),
            run.attention if beside is None else beside(run.attention),
            run.staying if self.thinning is not None else None,
            windows=self.windows,
        )
        for portion in portions:
            if not portion.rehearsed:
                portion.memory.rehearsed = {}
                portion.memory.ids.extend(portion.ids.tolist())
        return logits

    @torch.inference_mode()
    def compress(self, memory: Memory, script: Callable[[Memory], Script]) -> None:
        """Lets the policy act on what was read, after rehearsing what it asks for."""
        if self.policy is None or memory.seen == 0:
            return
        self.rehearse(memory, script)
        layers = [
            (index, layer)
            for index, (layer, window) in enumerate(zip(memory.layers, self.windows, strict=True))
            if window is None
        ]
        if isinstance(self.policy.allocator, ModelAllocator):
            self._act_together(memory, layers, self.policy, self.policy.allocator)
        else:
            for index, _ in layers:
                self.act(memory, index, memory.seen)
        for index, layer in layers:
            if layer.store.learning:
                self.learn(memory, index, memory.seen)
        memory.uncompressed, memory.rehearsed = 0, {}

    def rehearse(self, memory: Memory, script: Callable[[Memory], Script]) -> float:
        """Has the model read what the policy asks for, and forget it again, unless that was done already.

        Returns the seconds that it took when it was done already, which are saved now.
        """
        if self.policy is None:
            return 0.0
        texts = tuple(tuple(ids) for ids in self.policy.rehearsals(script(memory)))
        done = (self.policy.tracking, texts)
        if not texts or done in memory.rehearsed:
            return memory.rehearsed.get(done, 0.0)
        began = time.perf_counter()
        for ids in texts:
            tokens = torch.tensor(ids, dtype=torch.long, device=self.seam.device)
            self.forward([Portion(memory=memory, ids=tokens, rehearsed=True)], [len(tokens) - 1])
        memory.rehearsed[done] = time.perf_counter() - began
        return 0.0

    def act(self, memory: Memory, index: int, seen: int) -> None:
        """Lets the policy act on one layer of a sequence that has seen so many tokens."""
        if self.policy is not None:
            layer = memory.layers[index]
            held = layer.store.lengths
            self.policy.compress(layer.store, self._view(memory, index, seen, self.policy))
            if layer.store.lengths != held:
                layer.changed()

    def learn(self, memory: Memory, index: int, seen: int, leaving: Leaving | None = None) -> None:
        """Lets the codec's form of one layer learn from what is stored. leaving: asked before entries are encoded."""
        observed = self.codec.observed if self.codec else 0
        layer = memory.layers[index]
        positions, rope = self.positions(memory, seen), self.rope(memory, index, seen)
        view = self._viewer.last(layer, index, positions, rope=rope, seen=seen, observed=observed)
        layer.store.learn(view.queries, leaving)

    def watch(self, memory: Memory, index: int, query: Tensor, seen: int) -> None:
        """Shows the queries of stored tokens to the trackers of a layer, a few single ones together."""
        layer = memory.layers[index]
        if not layer.trackers:
            return
        layer.unwatched.append(query.clone() if query.shape[1] < _WATCH else query)
        if sum(part.shape[1] for part in layer.unwatched) >= _WATCH:
            self._catch_up(memory, index, seen)

    def watch_rehearsal(
        self, memory: Memory, index: int, query: Tensor, fresh: tuple[Tensor, Tensor]
    ) -> None:
        """Shows a rehearsal to the tracker of the policy. fresh: its keys and values, which are not stored."""
        self._catch_up(memory, index, memory.seen)
        tracking = self.policy.tracking if self.policy else None
        layer = memory.layers[index]
        if tracking is None:
            return
        view = self._viewer.of(
            layer,
            index,
            self.positions(memory, memory.seen + query.shape[1]),
            query,
            rope=self.rope(memory, index, memory.seen + query.shape[1]),
            start=memory.seen,
            seen=memory.seen,
            tracking=tracking,
            asked=memory.asked,
            fresh=fresh,
        )
        layer.trackers[tracking].watch(view, query, rehearsed=True)

    def _catch_up(self, memory: Memory, index: int, seen: int) -> None:
        layer = memory.layers[index]
        if not layer.unwatched:
            return
        query = torch.cat(layer.unwatched, 1)
        layer.unwatched = []
        for tracking, tracker in layer.trackers.items():
            began = time.perf_counter()
            view = self._viewer.of(
                layer,
                index,
                self.positions(memory, seen),
                query,
                rope=self.rope(memory, index, seen),
                start=seen - query.shape[1],
                seen=seen,
                tracking=tracking,
            )
            tracker.watch(view, query, rehearsed=False)
            self.watch_seconds[tracking] += time.perf_counter() - began

    def _view(self, memory: Memory, index: int, seen: int, policy: Policy) -> View:
        self._catch_up(memory, index, seen)
        layer = memory.layers[index]
        layer.allocation = layer.allocation or policy.allocator.state()
        return self._viewer.last(
            layer,
            index,
            self.positions(memory, seen),
            rope=self.rope(memory, index, seen),
            seen=seen,
            observed=policy.observed,
            tracking=policy.tracking,
            rounds=memory.rounds,
            asked=memory.asked,
        )

    def _act_together(
        self,
        memory: Memory,
        layers: Sequence[tuple[int, LayerMemory]],
        policy: Policy,
        allocator: ModelAllocator,
    ) -> None:
        """Scores all layers before any of them loses an entry."""
        budget = policy.limit(memory.seen, len(memory.asked))
        stores = [layer.store for _, layer in layers]
        above = sum(sum(store.lengths) for store in stores) > budget * sum(store.heads for store in stores)
        if not (above or policy.choosy):
            return
        scores = [
            policy.ranked(self._view(memory, index, memory.seen, policy), budget) for index, _ in layers
        ]
        must = max(int(layer.isposinf().sum(1).max()) for layer in scores)
        shares = allocator.shares(scores, max(budget, must)) if above else [None] * len(scores)
        for (index, layer), ranks, granted in zip(layers, scores, shares, strict=True):
            view = self._view(memory, index, memory.seen, policy)
            policy.settle(layer.store, view, ranks, policy.counts(granted, ranks, view))
            layer.changed()

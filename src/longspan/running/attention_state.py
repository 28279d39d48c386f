"""What a sequence keeps of one layer with attention: its entries, and what the parts of a plan remember of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from longspan.plan import Plan
from longspan.policies.tracker import Tracker, Tracking
from longspan.selectors.base import Selector, Summary
from longspan.store.layer import LayerStore
from longspan.store.layer_state import LayerState
from longspan.store.ledger import Ledger
from longspan.store.state import State, under
from longspan.store.tier import StoreMark

_SUMMARY = re.compile(r"summary(\d+)\.(\d+)\.")
_ENTRIES = re.compile(r"store\.\w+\.column\d+")


class AttentionMark(NamedTuple):
    """What a layer held and, by name, what parts remembered of it."""

    store: StoreMark
    remembered: dict[str, Any]

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which entries lay."""
        return self.store.columns


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What of a plan a layer remembers things for. trackings: what policies of it and of its forks gather."""

    plan: Plan
    trackings: tuple[Tracking, ...]


@dataclass
class AttentionState(LayerState):
    """One layer of one sequence.

    recent: the last queries, not rotated, newest last, as tensors `[heads, m, dim]`. trackers: what policies gather,
    and unwatched the queries that they have not seen yet. summaries: by place of the rows that they describe.
    pattern: what the plan's pattern remembers of the keys. allocation: what the allocator of its policy remembers.
    """

    kind: ClassVar[str] = "attention"

    store: LayerStore
    parts: Parts
    recent: list[Tensor] = field(default_factory=list)
    trackers: dict[Tracking, Tracker] = field(default_factory=dict)
    unwatched: list[Tensor] = field(default_factory=list)
    summaries: dict[tuple[int, int], Summary] = field(default_factory=dict)
    pattern: State | None = None
    allocation: State | None = None

    def summary(self, place: tuple[int, int], selector: Selector) -> Summary:
        """What a selector remembers of the rows of a group at this place."""
        if place not in self.summaries:
            self.summaries[place] = selector.summary()
        return self.summaries[place]

    def observe(self, query: Tensor, wanted: int) -> None:
        """Remembers the last `wanted` queries. query `[heads, n, dim]`."""
        if wanted == 0:
            return
        self.recent.append(query[:, -wanted:].clone())
        total = sum(part.shape[1] for part in self.recent)
        if total >= 2 * wanted:
            self.recent = [torch.cat(self.recent, 1)[:, -wanted:].clone()]

    def observed(self, wanted: int) -> Tensor | None:
        """The last `wanted` queries (fewer if there were fewer), None if none is remembered."""
        return torch.cat(self.recent, 1)[:, -wanted:] if self.recent and wanted else None

    @property
    def state_bytes(self) -> int:
        """Memory of everything but entries."""
        states = [*self.trackers.values(), *self.summaries.values()]
        states += [each for each in (self.pattern, self.allocation) if each is not None]
        return self.store.form_bytes + sum(state.nbytes for state in states)

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which entries lie."""
        return self.store.columns

    def fork(self, ledger: Ledger, *, apart: bool = False) -> AttentionState:
        """The same for a second sequence; entries are copied only when one of the two writes, apart: never."""
        return AttentionState(self.store.fork(ledger, apart=apart), self.parts, **self._remembered())

    def serve(self, parts: Parts, *, full: bool) -> None:
        """Works for another plan from now on; what only the one before needs is forgotten. full: whether the layer sees
        everything."""
        late = {each: each.tracker() for each in parts.trackings if each.late and full}
        self.trackers = late | {key: each for key, each in self.trackers.items() if key in parts.trackings}
        if parts.plan.selector != self.parts.plan.selector:
            self.summaries = {}
        self.parts = parts

    def mark(self) -> AttentionMark:
        """What is known now. Entries are not copied; what parts remember is."""
        return AttentionMark(self.store.mark(), self._remembered())

    def rewind(self, mark: AttentionMark) -> None:
        """Knows again what it knew at a mark of its own."""
        self.store.rewind(mark.store)
        vars(self).update(mark.remembered)
        vars(self).update(self._remembered())  # the mark keeps its own

    def _remembered(self) -> dict[str, Any]:
        """A copy of everything but entries, by name."""
        return {
            "recent": list(self.recent),
            "trackers": {key: tracker.fork() for key, tracker in self.trackers.items()},
            "unwatched": list(self.unwatched),
            "summaries": {place: each.fork() for place, each in self.summaries.items()},
            "pattern": None if self.pattern is None else self.pattern.fork(),
            "allocation": None if self.allocation is None else self.allocation.fork(),
        }

    def changed(self) -> None:
        """Forgets what was said of entries that are others now."""
        self.summaries, self.pattern = {}, None

    def release(self) -> None:
        """Gives all memory back."""
        self.store.release()
        self.recent, self.unwatched, self.allocation = [], [], None
        self.trackers = {}
        self.changed()

    def tensors(self) -> dict[str, Tensor]:
        """All of it for `load`, but for what the pattern makes again from the keys."""
        number = self.parts.trackings.index
        parts = {"store": self.store.tensors()}
        parts |= {f"tracker{number(each)}": tracker.tensors() for each, tracker in self.trackers.items()}
        parts |= {f"summary{tier}.{head}": state.tensors() for (tier, head), state in self.summaries.items()}
        if self.allocation is not None:
            parts["allocation"] = self.allocation.tensors()
        held = {
            f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()
        }
        for name, queries in (("recent", self.recent), ("unwatched", self.unwatched)):
            if queries:
                held[name] = torch.cat(queries, 1)
        return held

    def load(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Takes back what `tensors` gave; nothing of it is held afterwards."""
        # Entries are copied by the store, into its own medium; everything else is copied here.
        mine = {
            name: tensor.to(device, copy=_ENTRIES.fullmatch(name) is None) for name, tensor in tensors.items()
        }
        plan, number = self.parts.plan, self.parts.trackings.index
        self.store.load(under("store", mine), None if plan.policy is None else plan.policy.disposer.rest)
        for tracking, tracker in self.trackers.items():
            tracker.load(under(f"tracker{number(tracking)}", mine))
        if plan.selector is not None:
            for tier, head in {match.groups() for name in mine if (match := _SUMMARY.match(name))}:
                summary = plan.selector.summary()
                summary.load(under(f"summary{tier}.{head}", mine))
                self.summaries[int(tier), int(head)] = summary
        if plan.policy is not None and (allocation := plan.policy.allocator.state()) is not None:
            allocation.load(under("allocation", mine))
            self.allocation = allocation
        self.recent = [mine["recent"]] if "recent" in mine else []
        self.unwatched = [mine["unwatched"]] if "unwatched" in mine else []

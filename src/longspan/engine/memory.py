"""What a session keeps of one sequence: a store per layer, and what its parts need to remember."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from longspan.policies.tracker import Tracker, Tracking
from longspan.selectors.base import Summary
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger
from longspan.store.state import State

Rehearsed: TypeAlias = tuple[Tracking | None, tuple[tuple[int, ...], ...]]
"""What watched a rehearsal, and the tokens of its texts."""


@dataclass
class LayerMemory:
    """One layer of one sequence.

    recent: the last queries, not rotated, newest last, as tensors `[heads, m, dim]`. trackers: what policies gather,
    and unwatched the queries that they have not seen yet. summaries: by place of the rows that they describe.
    pattern: what the plan's pattern remembers of the keys. allocation: what the allocator of its policy remembers.
    """

    store: LayerStore
    recent: list[Tensor] = field(default_factory=list)
    trackers: dict[Tracking, Tracker] = field(default_factory=dict)
    unwatched: list[Tensor] = field(default_factory=list)
    summaries: dict[tuple[int, int], Summary] = field(default_factory=dict)
    pattern: State | None = None
    allocation: State | None = None

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

    def fork(self, ledger: Ledger, trackings: Container[Tracking], *, selects: bool) -> LayerMemory:
        """The same for a second session, with some of the trackers; entries are copied only when one of them writes.

        selects: whether the summaries are of use to it.
        """
        return LayerMemory(
            self.store.fork(ledger),
            recent=list(self.recent),
            trackers={key: tracker.fork() for key, tracker in self.trackers.items() if key in trackings},
            unwatched=list(self.unwatched),
            summaries={place: each.fork() for place, each in self.summaries.items()} if selects else {},
            pattern=None if self.pattern is None else self.pattern.fork(),
            allocation=None if self.allocation is None else self.allocation.fork(),
        )

    def changed(self) -> None:
        """Forgets what was said of entries that are others now."""
        self.summaries, self.pattern = {}, None

    def release(self) -> None:
        """Gives all memory back."""
        self.store.release()
        self.recent, self.unwatched, self.allocation = [], [], None
        self.trackers = {}
        self.changed()


@dataclass
class Memory:
    """All layers of one sequence.

    ids: the tokens run so far. fitted: tokens that its positions are made for, 0 until reading begins. announced:
    tokens that the text is known to come to. uncompressed: tokens since a policy last acted. rounds: where rounds of a
    dialogue begin. asked: positions of the question that was known when text was last read, empty for none. rehearsed:
    what was rehearsed since the last token and the seconds it took. surprise: −log p of the tokens run so far, `[m]`
    each, kept only for selectors that ask for it.
    """

    layers: list[LayerMemory]
    ids: list[int] = field(default_factory=list)
    fitted: int = 0
    announced: int = 0
    uncompressed: int = 0
    rounds: list[int] = field(default_factory=lambda: [0])
    asked: range = range(0)
    rehearsed: dict[Rehearsed, float] = field(default_factory=dict)
    surprise: list[Tensor] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Tokens run so far."""
        return len(self.ids)

    @property
    def state_bytes(self) -> int:
        """Memory of everything but entries."""
        return sum(layer.state_bytes for layer in self.layers)

    def surprises(self) -> Tensor | None:
        """−log p of the tokens run so far, fp32 `[seen]`."""
        if not self.surprise:
            return None
        if len(self.surprise) > 1:
            self.surprise = [torch.cat(self.surprise)]
        return self.surprise[0]

    def fork(self, ledger: Ledger, trackings: Container[Tracking], *, selects: bool) -> Memory:
        """The same for a second session: see `LayerMemory.fork`."""
        return Memory(
            [layer.fork(ledger, trackings, selects=selects) for layer in self.layers],
            ids=list(self.ids),
            fitted=self.fitted,
            announced=self.announced,
            uncompressed=self.uncompressed,
            rounds=list(self.rounds),
            asked=self.asked,
            rehearsed={key: spent for key, spent in self.rehearsed.items() if key[0] in trackings},
            surprise=list(self.surprise),
        )

    def release(self) -> None:
        """Gives all memory back."""
        for layer in self.layers:
            layer.release()

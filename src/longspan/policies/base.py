"""The contract of a policy: what the store keeps. Policy = scorer × unit × allocator × disposer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.parameters import Budget, check_budget, check_choice, tokens
from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.disposers.base import Disposer
from longspan.policies.disposers.drop import Drop
from longspan.policies.tracker import Script, Tracking
from longspan.policies.units.base import Unit
from longspan.policies.units.token import Token
from longspan.policies.view import View
from longspan.store.layer import LayerStore


@dataclass(frozen=True, kw_only=True)
class Policy(ABC):
    """Base of all policies; a subclass is a scorer and says in `scores` how important each entry is.

    A known question always stays, and what stands between it and the answer; it counts towards the budget, which is
    raised to it.
    guided: whether it must know the question while the text before it is read. spares_question: False for policies to
    which a question is text like any other. choosy: whether it may keep less than the budget grants, `wanted`.
    """

    guided: ClassVar[bool] = False
    spares_question: ClassVar[bool] = True
    choosy: ClassVar[bool] = False

    budget: Budget = 0.5
    """Entries that a row may keep, an int for tokens or a float in (0, 1] for a fraction of the tokens seen."""
    when: Literal["end", "chunk"] = "end"
    """"end" compresses once a text has been read, "chunk" also after every chunk (and, while generating, after
    every further chunk of tokens), which bounds a row by budget + chunk whatever the length (with an allocator
    that gives heads or layers different shares, the mean row).
    """
    unit: Unit = field(default_factory=Token, metadata={"room": "unit"})
    """Which entries stay or go together."""
    allocator: Allocator = field(default_factory=Uniform, metadata={"room": "allocator"})
    """How the budget is shared among heads and layers."""
    disposer: Disposer = field(default_factory=Drop, metadata={"room": "disposer"})
    """What becomes of the entries that do not stay."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_choice("when", self.when, ("end", "chunk"))
        if isinstance(self.budget, int) and self.budget < self.min_entries:
            raise ValueError(
                f"budget={self.budget} is outside {self.min_entries} .. ∞ tokens: the policy always keeps "
                f"{self.min_entries}; raise budget or lower what is always kept"
            )

    @property
    def min_entries(self) -> int:
        """Entries that this policy keeps in any case; a fraction of a short text is raised to it."""
        return 1

    @property
    def interval(self) -> int | None:
        """Generated tokens after which it acts again where when="chunk"; None for as many as a chunk has."""
        return None

    @property
    def rehearses(self) -> bool:
        """Whether it asks for `rehearsals`; a policy that gives some says so here."""
        return False

    @property
    def after_pass(self) -> bool:
        """Whether it acts when a pass has gone through all layers, and not within each layer."""
        return self.rehearses or self.allocator.across_layers

    @property
    def observed(self) -> int:
        """How many of the last queries `scores` wants to see in its view."""
        return 0

    @property
    def tracking(self) -> Tracking | None:
        """What it must gather while text is read, None for nothing."""
        return None

    def rehearsals(self, script: Script) -> Iterable[Sequence[int]]:
        """Tokens that the model reads, one sequence after the other, and forgets again before the policy acts.

        They follow what was read; the policy's tracker watches them.
        """
        return ()

    @abstractmethod
    def scores(self, view: View) -> Tensor:
        """How important each entry is: fp32 `[kv_heads, n]`, +∞ for one that must stay."""

    def wanted(self, view: View) -> Tensor:
        """How many entries each row should keep where the budget grants more, int64 `[kv_heads]`; all by default."""
        return torch.tensor(view.lengths, device=view.keys.device)

    def limit(self, seen: int, asked: int = 0) -> int:
        """Entries per row, as a mean over the model, after `seen` tokens, `asked` of them of a known question."""
        return max(tokens(self.budget, seen), self.min_entries, asked if self.spares_question else 0)

    def ranked(self, view: View, budget: int) -> Tensor:
        """The scores by which entries compete for a layer's budget: +∞ for one that must stay, −∞ for no entry.

        Pooled by unit and shaped by the allocator.
        """
        scores = self.scores(view).float()
        if self.spares_question and view.scene.asked:
            scores = scores.masked_fill(view.of_question(), torch.inf)
        return self.allocator.reshape(self.unit.pool(view.only_entries(scores), view), budget, view)

    def compress(self, store: LayerStore, view: View) -> None:
        """Brings one layer of one sequence down to its budget, a choosy policy's to what it wants of it."""
        budget = self.allocator.layer_budget(self.limit(view.scene.read, len(view.scene.asked)), view)
        above = sum(store.lengths) > budget * store.heads
        if above or self.choosy:
            scores = self.ranked(view, budget)
            granted = self.allocator.counts(scores, budget, view) if above else None
            self.evict(store, view, scores, self.counts(granted, scores, view))

    def counts(self, granted: Tensor | None, scores: Tensor, view: View) -> Tensor:
        """Entries that each row keeps, int64 `[kv_heads]`: of those granted, None for all, the wanted; all at +∞."""
        if granted is None:
            granted = self.wanted(view)
        elif self.choosy:
            granted = granted.minimum(self.wanted(view))
        return granted.maximum(scores.isposinf().sum(1))

    def evict(self, store: LayerStore, view: View, scores: Tensor, counts: Tensor) -> None:
        """Leaves each row at most as many entries as it may keep, the best by `scores`."""
        kept = [
            self.unit.choose(row[:length], min(count, length), view, number)
            for number, (row, count, length) in enumerate(
                zip(scores, counts.tolist(), store.lengths, strict=True)
            )
        ]
        stayed = self.disposer.dispose(store, kept, scores, view)
        if view.tracker is not None:
            view.tracker.keep(stayed)

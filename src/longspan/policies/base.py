"""The contract of a policy: what the store keeps. Policy = scorer × allocator × disposer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from longspan.parameters import Budget, check_budget, check_choice, tokens
from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.disposers.base import Disposer
from longspan.policies.disposers.drop import Drop
from longspan.policies.view import View
from longspan.store.layer import LayerStore


@dataclass(frozen=True, kw_only=True)
class Policy(ABC):
    """Base of all policies; a subclass is a scorer and says in `scores` how important each entry is.

    budget: entries that a row may keep, an int for tokens or a float in (0, 1] for a fraction of the tokens seen.
    when: "end" compresses once a text has been read, "chunk" also after every chunk (and, while generating,
    after every further chunk of tokens), which bounds a row by budget + chunk whatever the length (with an
    allocator that gives heads different shares, the mean row of a layer).
    allocator, disposer: how the budget is shared among heads, and what becomes of the rest.
    """

    budget: Budget = 0.5
    when: Literal["end", "chunk"] = "end"
    allocator: Allocator = field(default_factory=Uniform, metadata={"room": "allocator"})
    disposer: Disposer = field(default_factory=Drop, metadata={"room": "disposer"})

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_choice("when", self.when, ("end", "chunk"))
        if isinstance(self.budget, int) and self.budget < self.least:
            raise ValueError(
                f"budget={self.budget} is outside {self.least} .. ∞ tokens: the policy always keeps {self.least}; "
                "raise budget or lower what is always kept"
            )

    @property
    def least(self) -> int:
        """Entries that this policy keeps in any case; a fraction of a short text is raised to it."""
        return 1

    @property
    def observed(self) -> int:
        """How many of the last queries `scores` wants to see in its view."""
        return 0

    @abstractmethod
    def scores(self, view: View) -> Tensor:
        """How important each entry is: fp32 `[kv_heads, n]`, +∞ for one that must stay."""

    def compress(self, store: LayerStore, view: View) -> None:
        """Brings one layer of one sequence down to its budget; does nothing while it is within it."""
        budget = max(tokens(self.budget, store.seen), self.least)
        if sum(store.lengths) <= budget * store.heads:
            return
        scores = view.only_entries(self.scores(view).float())
        counts = self.allocator.counts(scores, budget, layer=view.layer, layers=view.layers)
        kept = [
            row.topk(min(count, length)).indices.sort().values
            for row, count, length in zip(scores, counts.tolist(), store.lengths, strict=True)
        ]
        self.disposer.dispose(store, kept, scores)

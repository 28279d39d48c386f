"""ShadowKV: landmarks of small chunks, and outliers."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.selectors.digests.landmarks import Landmarks
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.shared import Shared


@dataclass(frozen=True, kw_only=True)
class ShadowKV(Recipe):
    """Visits the chunks whose mean key matches best, and always the outliers. https://arxiv.org/abs/2410.21465

    This is the selection; keys of low rank and values on the host are codecs. The plan called shadowkv is this with
    codec=low-rank, whose basis is each head's own, where the authors' is joint over the heads. Generated tokens form
    chunks like those of the prompt once they have left the local ones; in the authors' code they are all visited.

    budget: entries chosen, besides outliers and local ones. chunk: entries of a chunk. outliers: chunks of each KV
    head that every query visits. local: last entries, likewise.
    """

    budget: Budget = 2048
    chunk: int = 8
    outliers: int = 48
    local: int = 32

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("chunk", self.chunk, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Chunks, landmarks, and a choice for each KV head."""
        return Retrieve(
            grouping=Pages(size=self.chunk),
            digest=Landmarks(outliers=self.outliers),
            scoring=Shared(pool="max"),
            reuse=Never(),
            budget=self.budget,
            local=self.local,
            dense=0,
        )

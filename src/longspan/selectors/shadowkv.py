"""ShadowKV: landmarks of small chunks, and outliers."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.landmarks import Landmarks
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.shared import Shared

CARD = Card(
    name="shadowkv",
    target="longspan.selectors.shadowkv:ShadowKV",
    paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
    link="https://arxiv.org/abs/2410.21465",
    year=2024,
    training=False,
    changes="Queries visit the small chunks whose mean key matches best, and chunks that means describe badly.",
    field=(252,),
    missing="Low-rank keys have a basis for each head, not one for all; they lie on the host beside the values, "
    "and are rebuilt after the values have moved, not meanwhile; memory of the host was never tried with CUDA.",
)


@dataclass(frozen=True, kw_only=True)
class ShadowKV(Recipe):
    """Visits the chunks whose mean key matches best, and always the outliers. https://arxiv.org/abs/2410.21465

    This is the selection; keys of low rank and values on the host are codecs. The plan called shadowkv is this with
    codec=host(codec=low-rank). Landmarks and outliers are of keys as they came, and the keys of outliers stay so, where
    the codec keeps recent entries whole: a chunk is encoded once all of it has left them.

    Deviations: the basis of low-rank keys is each head's own, where the authors' is joint over the heads. They move
    values alone to the host, here the coordinates of keys go with them, and values of outliers are there, too. Their
    outliers are chosen at the end of the prompt; here chunks of later tokens may take their places. Generated tokens
    form chunks like those of the prompt once they have left the recent ones; in the authors' code they are all visited.
    Under codecs that encode at once (int8, int4) and behind a policy that drops entries, landmarks are of stored keys;
    under those that encode blocks (kivi) so is the chunk that the end of a block divides.
    """

    budget: Budget = 2048
    """Entries chosen, besides outliers and local ones."""
    chunk: int = 8
    """Entries of a chunk."""
    outliers: int = 48
    """Chunks of each KV head that every query visits."""
    local: int = 32
    """Last entries, visited by every query."""

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

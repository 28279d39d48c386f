"""LongHeads: each head has its own chunks."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.digests.pooled import Pooled
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.heads import Heads

CARD = Card(
    name="longheads",
    target="longspan.selectors.longheads:LongHeads",
    paper="LongHeads: Multi-Head Attention is Secretly a Long Context Processor",
    link="https://arxiv.org/abs/2402.10685",
    year=2024,
    training=False,
    changes="Each head visits the first and last chunk, and the chunks whose chunk key matches best.",
    field=(177,),
    missing="Chunk keys are made with mean keys, where the authors take the output of attention in the chunk; to "
    "number anew what is visited is positions=in-cache.",
)


@dataclass(frozen=True, kw_only=True)
class LongHeads(Recipe):
    """Each head visits the chunks whose chunk key matches its query best. https://arxiv.org/abs/2402.10685

    The first chunk, the last whole chunk and what follows it are always visited. Two things differ: what a chunk key
    is (see the digest `pooled`), and that visited chunks keep their true positions, where the paper moves them
    together (positions=in-cache); while text is read in the paper each query chooses for itself.
    """

    chunk: int = 256
    """Entries of a chunk."""
    length: int = 4096
    """Entries visited, a multiple of the chunk, at least 4 of them."""
    reading: int = 256
    """Queries that share a choice while text is read."""

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 1)
        check_range("length", self.length, 4 * self.chunk)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Chunks, chunk keys, and a choice for each head."""
        return Retrieve(
            grouping=Pages(size=self.chunk),
            digest=Pooled(),
            scoring=Heads(),
            reuse=Never(),
            budget=(self.length // self.chunk - 3) * self.chunk,
            sinks=self.chunk,
            local=self.chunk,
            dense=0,
            reading=self.reading,
        )

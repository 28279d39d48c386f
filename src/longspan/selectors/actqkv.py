"""ActQKV: a probe query of unusual tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.digests.representatives import Representatives
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.activation import Activation

CARD = Card(
    name="actqkv",
    target="longspan.selectors.actqkv:ActQKV",
    paper="Activation-aware Probe-Query: Effective Key-Value Retrieval for Long-Context LLMs Inference",
    link="https://arxiv.org/abs/2502.13542",
    year=2025,
    training=False,
    changes="Unusual queries of a block choose the blocks of entries, fewer where the match is clear.",
    field=(14,),
    missing="The authors' code adds the question's query to every probe, compares by cosine, keeps running moments "
    "and shares one budget over the layers; here none of that is done.",
)


@dataclass(frozen=True, kw_only=True)
class ActQKV(Recipe):
    """Visits the blocks that match the unusual queries, fewer where the match is clear. https://arxiv.org/abs/2502.13542

    How the probe query and the cut-off differ from the authors' is said at the scoring `activation`. The authors'
    code also adds the question's query to every probe, and compares by cosine; here neither is done.
    """

    block: int = 32
    """Entries of a block."""
    representatives: int = 4
    """Tokens that stand for a block."""
    top: int = 46
    """Blocks visited at most."""
    floor: float = field(default=0.5, metadata={"formerly": "least"})
    """Share of the `top` blocks that is visited however clear the match is."""
    sinks: int = 64
    """First entries, visited in any case."""
    local: int = 512
    """Last entries, visited in any case."""
    reading: int = 256
    """Queries that share a choice while text is read."""

    def __post_init__(self) -> None:
        check_range("block", self.block, 1)
        check_range("representatives", self.representatives, 1)
        check_range("top", self.top, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Blocks, representatives, and the activation-aware choice."""
        return Retrieve(
            grouping=Pages(size=self.block),
            digest=Representatives(count=self.representatives),
            scoring=Activation(floor=self.floor),
            reuse=Never(),
            budget=self.top * self.block,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
        )

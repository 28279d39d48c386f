"""InfLLM: blocks with representative tokens."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.digests.representatives import Representatives
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.joint import Joint

CARD = Card(
    name="infllm",
    target="longspan.selectors.infllm:InfLLM",
    paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
    "Training-Free Memory",
    link="https://arxiv.org/abs/2402.04617",
    year=2024,
    training=False,
    changes="Queries visit the first and recent entries, and the blocks whose representative tokens match best.",
    field=(124,),
)


@dataclass(frozen=True, kw_only=True)
class InfLLM(Recipe):
    """Visits the blocks whose representative tokens match best, the same for all heads. https://arxiv.org/abs/2402.04617

    Keys outside the local window are compared, and visited, as if all of them stood at its edge: that is the plan
    called infllm, this beside positions=rerope(near=4096,sharpen=false). By itself the selector leaves true
    positions. The authors' edge is at n_local − 1, here at n_local. Where the blocks lie is up to the codec.
    """

    block: int = 128
    """Entries of a block."""
    representatives: int = 4
    """Tokens that stand for a block."""
    top: int = 16
    """Blocks visited at most."""
    sinks: int = 128
    """First entries, visited in any case, the paper's initial tokens."""
    local: int = 4096
    """Last entries, visited in any case, the paper's local window."""
    reading: int = 512
    """Queries that share a choice while text is read."""

    def __post_init__(self) -> None:
        check_range("block", self.block, 1)
        check_range("representatives", self.representatives, 1)
        check_range("top", self.top, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Blocks, representatives, and one choice for all heads."""
        return Retrieve(
            grouping=Pages(size=self.block),
            digest=Representatives(count=self.representatives),
            scoring=Joint(),
            reuse=Never(),
            budget=self.top * self.block,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
        )

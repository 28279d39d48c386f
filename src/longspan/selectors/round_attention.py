"""Round Attention: the rounds of a dialogue that matter."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.rounds import Rounds
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.layers import Layers
from longspan.selectors.scorings.nucleus import Nucleus

CARD = Card(
    name="round-attention",
    target="longspan.selectors.round_attention:RoundAttention",
    paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
    link="https://arxiv.org/abs/2502.15294",
    year=2025,
    training=False,
    changes="From one layer on, queries visit only the rounds of the dialogue that hold most attention there.",
    field=(241,),
    missing="It follows the paper's text alone, since there is no code of the authors to compare with.",
)


@dataclass(frozen=True, kw_only=True)
class RoundAttention(Recipe):
    """From the watershed layer on, visits the rounds of the dialogue that hold most attention. https://arxiv.org/abs/2502.15294

    The watershed layer visits everything and chooses; the layers before it visit everything too. Nothing is left
    out while text is read. The round at hand is always visited.
    """

    watershed: Budget = 0.5
    """The layer that chooses, from 0, or as a share of the layers; the paper finds it for each model by comparing
    the round-level attention of layers.
    """
    share: float = 0.9
    """Share of the attention weight that the visited rounds must hold."""

    def __post_init__(self) -> None:
        if isinstance(self.watershed, int):
            check_range("watershed", self.watershed, 0)
        else:
            check_range("watershed", self.watershed, 0.0, 1.0)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Rounds, their attention weight, and one choice for all layers that follow."""
        return Retrieve(
            grouping=Rounds(),
            digest=Keys(pool="mass"),
            scoring=Nucleus(share=self.share),
            reuse=Layers(count=None, whole=True),
            budget=None,
            dense=0,
        )

    def skips(self, layer: int, layers: int) -> bool:
        """Layers before the watershed visit everything."""
        first = self.watershed if isinstance(self.watershed, int) else int(self.watershed * layers)
        return layer < first

"""Inter-layer attention similarity: adjacent layers look at the same distant tokens."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.tokens import Tokens
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.layers import Layers
from longspan.selectors.scorings.shared import Shared

CARD = Card(
    name="inter-layer",
    target="longspan.selectors.inter_layer:InterLayer",
    paper="Compressing KV Cache for Long-Context LLM Inference with Inter-Layer Attention Similarity",
    link="https://arxiv.org/abs/2412.02252",
    year=2024,
    training=False,
    changes="Some layers visit only the distant tokens to which the layer before them attended most.",
    field=(42,),
    trained=True,
    missing="The keys of a block of layers are not shared and its layers not measured, since the paper "
    "trains the model for that; only the choice of tokens is shared.",
)


@dataclass(frozen=True, kw_only=True)
class InterLayer(Recipe):
    """Lets some layers visit only what the layer before them attended to most. https://arxiv.org/abs/2412.02252

    The paper (PoD) shares the attention weights of distant tokens, and so their keys, over a block of layers, and
    trains the model for it. This rests on the same similarity and needs no training: the first layer of a block
    visits everything, and the others visit the distant tokens with its largest weights, and with their own keys.
    Blocks are of equal length, where the paper measures which layers are alike. The sizes are ours.
    """

    budget: Budget = 1024
    """Distant tokens that the other layers of a block visit."""
    layers: int = 2
    """Layers of a block."""
    sinks: int = 16
    """First tokens, visited by all layers."""
    local: int = 256
    """Last tokens, visited by all layers."""
    dense: int = 2
    """First layers that visit everything and belong to no block."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("layers", self.layers, 2)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Tokens, their keys, and a choice for the layers that follow."""
        return Retrieve(
            grouping=Tokens(),
            digest=Keys(),
            scoring=Shared(pool="max"),
            reuse=Layers(count=self.layers, whole=True),
            budget=self.budget,
            sinks=self.sinks,
            local=self.local,
            dense=self.dense,
        )

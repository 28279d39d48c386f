"""A scorer that reads token ids: keeps what the text says rarely."""

from dataclasses import dataclass

import torch

from longspan.policies.base import Policy
from longspan.registry import Card


@dataclass(frozen=True, kw_only=True)
class RareTokens(Policy):
    """The rarer a token is in the text, the more it counts; the last entry always stays. https://example.org/rare"""

    def scores(self, view):
        ids = view.ids
        counts = torch.bincount(ids[0]).float()
        newest = view.positions == view.scene.seen - 1
        return (1 / counts.clamp(min=1)[ids.clamp(max=len(counts) - 1)]).masked_fill(newest, torch.inf)


CARD = Card(
    name="rare-tokens",
    target="rare_tokens:RareTokens",
    paper="A stranger's scorer",
    link="https://example.org/rare",
    year=2026,
    training=False,
    changes="Keeps the entries of tokens that are rare in the text.",
)
ENTRY_POINTS = {"longspan.methods": {"policy.rare-tokens": "rare_tokens:CARD"}}

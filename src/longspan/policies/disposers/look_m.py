"""LOOK-M: pivot merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from longspan.parameters import check_choice
from longspan.policies.disposers.merger import Merger, Row
from longspan.policies.disposers.nearest import combined, nearest
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="look-m",
    target="longspan.policies.disposers.look_m:LookM",
    paper="LOOK-M: Look-Once Optimization in KV Cache for Efficient Multimodal Long-Context Inference",
    link="https://arxiv.org/abs/2406.18139",
    year=2024,
    training=False,
    changes="Merges each entry that does not stay into the kept one with the most similar key, by its pivot rule.",
    field=(147,),
    missing="Its preference for text over images when entries are evicted is absent, since models with "
    "images are not read yet.",
)


@dataclass(frozen=True, kw_only=True)
class LookM(Merger):
    """Every dropped entry goes into the kept one with the most similar key. https://arxiv.org/abs/2406.18139

    A kept vector k with L dropped ones e nearest to it, each at cosine s, becomes, by `merge`:
    averaged: (k + Σ e) / (L + 1); pivotal: (k + Σ (e + k) / 2) / (L + 1); weighted: (k + Σ s · e) / (L + 1).
    Values are merged in the same way, into the entry that the keys choose.
    The paper's text-prior eviction is for prompts with images and is left out; which entries stay is the policy's
    choice.
    """

    merge: Literal["averaged", "pivotal", "weighted"] = "pivotal"
    """How a kept entry takes in its dropped ones: "averaged", "pivotal" or "weighted"."""

    def __post_init__(self) -> None:
        check_choice("merge", self.merge, ("averaged", "pivotal", "weighted"))

    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Means over each kept entry and what is nearest to it."""
        target, cosine = nearest(row.keys, row.kept, row.dropped)
        count = target.bincount(minlength=len(row.kept)).float()
        if self.merge == "averaged":
            own, share = torch.ones_like(count), torch.ones_like(cosine)
        elif self.merge == "pivotal":
            own, share = 1 + count / 2, torch.full_like(cosine, 0.5)
        else:
            own, share = torch.ones_like(count), cosine
        own, share = own / (count + 1), share / (count + 1)[target]
        return (
            combined(row.keys[row.kept], row.keys[row.dropped], target, own, share),
            combined(row.values[row.kept], row.values[row.dropped], target, own, share),
        )

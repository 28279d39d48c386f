"""Rounds of a dialogue."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Grouping, Groups
from longspan.selectors.groupings.runs import RunGroups

CARD = Card(
    name="rounds",
    target="longspan.selectors.groupings.rounds:Rounds",
    paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
    link="https://arxiv.org/abs/2502.15294",
    year=2025,
    training=False,
    changes="Each round of a dialogue is visited or left out as a whole.",
)


@dataclass(frozen=True, kw_only=True)
class Rounds(Grouping):
    """Each round of a dialogue, as in Round Attention, https://arxiv.org/abs/2502.15294.

    A round is a group once the next one has begun; the round at hand is always visited. What is no dialogue is one
    round, and visited whole.
    """

    def groups(self, sinks: int) -> Groups:
        """No rounds yet."""
        return RoundGroups(sinks)


class RoundGroups(RunGroups):
    """A round is the entries between the positions at which two rounds begin."""

    def ends(self, visit: Visit, start: int, stop: int) -> list[list[int]]:
        """The entries at which later rounds begin."""
        positions = visit.positions()
        begins = torch.tensor(visit.scene.rounds, device=positions.device)
        found = torch.searchsorted(positions.contiguous(), begins.expand(len(positions), -1).contiguous())
        return [sorted({end for end in row if start < end <= stop}) for row in found.tolist()]

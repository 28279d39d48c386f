"""EpiCache's scores: what matters to one episode of a long dialogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.sensitivity import Sensitivity
from longspan.policies.base import Policy
from longspan.policies.gathering import gathered
from longspan.policies.tracker import Script, Tracker, Tracking
from longspan.policies.view import View
from longspan.registry import Card

INSTRUCTION = (
    "\n\nExtract what matters in this part of the dialogue: who speaks, what happened and when, facts, plans, "
    "promises, opinions, relationships and feelings.\n\n"
)


class Patched(Tracker):
    """The largest weight that a patched prompt paid to each entry, `[kv_heads, n]`, until it is used or outdated."""

    def __init__(self) -> None:
        self.largest = torch.empty(0, 0)

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Takes the weights of the prompt's tokens over the entries before it; what is read makes them outdated."""
        begins = int(view.query_positions[0]) == view.scene.seen
        before = self.largest if rehearsed and not begins else torch.empty(0, 0)
        self.largest = torch.empty(0, 0)
        if not rehearsed:
            return
        asked = int(view.query_positions[-1]) + 1 - view.scene.seen
        held = view.positions.shape[1] - asked
        stored = replace(
            view,
            keys=view.keys[:, :held],
            positions=view.positions[:, :held],
            lengths=[length - asked for length in view.lengths],
        )
        largest = stored.strongest()
        self.largest = torch.maximum(largest, before) if before.numel() else largest

    def keep(self, kept: Sequence[Tensor]) -> None:
        """The weights have been used."""
        self.largest = torch.empty(0, 0)

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {"largest": self.largest} if self.largest.numel() else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self.largest = tensors.get("largest", torch.empty(0, 0))


@dataclass(frozen=True, kw_only=True)
class Patching(Tracking):
    """What a patched prompt pays."""

    def tracker(self) -> Patched:
        """Before any prompt."""
        return Patched()


CARD = Card(
    name="epicache",
    target="longspan.policies.epicache:EpiCache",
    paper="EpiCache: Episodic KV Cache Management for Long Conversational Question Answering",
    link="https://arxiv.org/abs/2509.17396",
    year=2025,
    training=False,
    changes="Keeps, block by block, the entries to which an episode of the dialogue attends.",
    field=(81,),
    missing="The instruction is our own, since the authors' has the marks of a chat template.",
)


@dataclass(frozen=True, kw_only=True)
class EpiCache(Policy):
    """After each block, the entries to which a patched prompt attends most. https://arxiv.org/abs/2509.17396

    An entry's score is its largest weight, over the prompt's tokens and the group's query heads, in a softmax over what
    is stored. Layers get budgets by sensitivity, heads of a layer compete (allocator sensitivity).
    A dialogue is clustered into episodes by `flows/epicache.py`, which gives each a session with its own prompt, and
    recalls one for a question.
    Deviations: the instruction is our own, without the marks of a chat template; what is generated counts as text once
    a chunk of it has gathered.
    """

    when: Literal["end", "chunk"] = "chunk"
    allocator: Allocator = field(default_factory=Sensitivity, metadata={"room": "allocator"})
    prompt: str = ""
    """The text that stands for an episode; after each block of the dialogue the model reads an instruction and this
    text, and forgets both again. Without it the instruction alone is the prompt.
    """

    @property
    def tracking(self) -> Patching:
        """What the prompt pays."""
        return Patching()

    @property
    def rehearses(self) -> bool:
        """An episode is read."""
        return True

    def rehearsals(self, script: Script) -> Iterable[Sequence[int]]:
        """The instruction and the episode's text."""
        return (script.encode(INSTRUCTION + self.prompt),)

    def scores(self, view: View) -> Tensor:
        """The largest weight, in 0 .. 1."""
        return gathered(view, Patched).largest

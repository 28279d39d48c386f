"""EM-LLM: events, and their neighbours in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.representatives import Representatives
from longspan.selectors.groupings.events import Events
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.joint import Joint

CARD = Card(
    name="em-llm",
    target="longspan.selectors.em_llm:EMLLM",
    paper="Human-like Episodic Memory for Infinite Context LLMs",
    link="https://arxiv.org/abs/2407.09450",
    year=2024,
    training=False,
    changes="Queries visit events, cut where the text surprises the model, and the events around them.",
    field=(114,),
    missing="Boundaries are refined in each layer with its own keys, and the buffer of neighbours forgets those of "
    "earlier queries.",
)


@dataclass(frozen=True, kw_only=True)
class EMLLM(Recipe):
    """Visits the events that match best, and the events around them. https://arxiv.org/abs/2407.09450

    Each layer refines the boundaries with its own keys, where the authors' code does it once with the keys of the
    upper layers. refine and neighbours are those of the paper's EM-LLM with similarity and contiguity; the authors'
    published configuration has both off (refine=none, neighbours=0). What the contiguity buffer keeps is said
    at the scoring `joint`. Far events keep their true positions, as with `infllm`;
    positions=rerope(near=4096,sharpen=false) shows them at the edge of the local ones, as the authors do.
    """

    surprised: ClassVar[bool] = True

    budget: Budget = 2048
    """Entries of both buffers together."""
    neighbours: float = 0.3
    """Share of the budget for the contiguity buffer."""
    gamma: float = 1.0
    """A token whose surprise is γ standard deviations above the mean of the local window begins an event."""
    shortest: int = field(default=8, metadata={"formerly": "least"})
    """Entries of an event at least."""
    longest: int = field(default=128, metadata={"formerly": "most"})
    """Entries of an event at most."""
    refine: Literal["none", "modularity", "conductance"] = "modularity"
    """What moves each boundary to a better place: "modularity" or "conductance" of the keys, or "none"."""
    representatives: int = 4
    """Tokens that stand for an event."""
    sinks: int = 128
    """First entries, visited in any case."""
    local: int = 4096
    """Last entries, visited in any case."""
    reading: int = 512
    """Queries that share a choice while text is read."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("representatives", self.representatives, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Events, representatives, and one choice for all heads."""
        return Retrieve(
            grouping=Events(
                gamma=self.gamma,
                window=max(2, self.local),
                shortest=self.shortest,
                longest=self.longest,
                refine=self.refine,
            ),
            digest=Representatives(count=self.representatives),
            scoring=Joint(neighbours=self.neighbours, fill="nearest"),
            reuse=Never(),
            budget=self.budget,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
        )

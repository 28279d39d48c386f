"""Any combination of a grouping, a digest, a scoring and a reuse."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

from longspan.errors import PlanError
from longspan.parameters import Budget, check_budget, check_choice, check_range
from longspan.registry import Card
from longspan.selectors.base import Selector, Summary
from longspan.selectors.digests.base import Digest
from longspan.selectors.digests.bounds import Bounds
from longspan.selectors.groupings.base import Grouping
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieval import Compare, Retrieval
from longspan.selectors.reuses.base import Reuse
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.base import Scoring
from longspan.selectors.scorings.heads import Heads
from longspan.slots import Slots

CARD = Card(
    name="retrieve",
    target="longspan.selectors.retrieve:Retrieve",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="Any grouping, digest, scoring and reuse together; Quest is its default.",
)


@dataclass(frozen=True, kw_only=True)
class Retrieve(Selector):
    """A selector made of parts; the published ones are such combinations.

    Its defaults are Quest, https://arxiv.org/abs/2406.10774, with the last page besides the budget.
    """

    grouping: Grouping = field(default_factory=Pages, metadata={"room": "grouping"})
    """Which entries are visited or left out together."""
    digest: Digest = field(default_factory=Bounds, metadata={"room": "digest"})
    """What is remembered of a group."""
    scoring: Scoring = field(default_factory=Heads, metadata={"room": "scoring"})
    """How the query heads choose among the groups."""
    reuse: Reuse = field(default_factory=Never, metadata={"room": "reuse"})
    """For how long a choice holds."""
    budget: Budget | None = 1024
    """Entries chosen by score per query head, in whole groups: an int for entries, a float in (0, 1] for a fraction
    of those stored, none for no bound. A scoring may also choose fewer.
    """
    sinks: int = 0
    """First entries, visited in any case and not counted in the budget."""
    local: int = 1
    """Last entries, visited in any case and not counted in the budget."""
    dense: int = 2
    """First layers that visit everything."""
    reading: int = 0
    """Queries that share a choice while text is read; 0 where reading visits everything."""
    compare: Compare = "rotated"
    """How queries meet keys where they choose: "rotated", as in attention; "unrotated", both before their rotation;
    "edge", keys before it and queries turned by `local` positions, as if all keys stood at the edge of the
    recent ones. The last two need keys that are stored before their rotation, as with positions=in-cache, which
    also counts what is visited without gaps.
    """

    def __post_init__(self) -> None:
        if self.budget is not None:
            check_budget("budget", self.budget)
        check_range("sinks", self.sinks, 0)
        check_range("local", self.local, 1)
        check_range("dense", self.dense, 0)
        check_range("reading", self.reading, 0)
        check_choice("compare", self.compare, get_args(Compare))
        needs = {"digest": self.digest.ordered, "scoring": self.scoring.joint, "reuse": self.reuse.ordered}
        for name, ordered in needs.items():
            if ordered and not self.grouping.contiguous:
                part = type(getattr(self, name)).__name__
                raise ValueError(
                    f"{name}={part} compares groups of all rows or layers by number, but those of "
                    f"grouping={type(self.grouping).__name__} differ from row to row; choose another {name}"
                )
        object.__setattr__(self, "surprised", self.grouping.surprised)

    def summary(self) -> Summary:
        """The parts at work."""
        return Retrieval(
            grouping=self.grouping,
            digest=self.digest,
            scoring=self.scoring,
            reuse=self.reuse,
            budget=self.budget,
            sinks=self.sinks,
            local=self.local,
            compare=self.compare,
        )

    @property
    def ranks(self) -> bool:
        """Whether pages are chosen anew by each head, by products with a table."""
        return (
            self.budget is not None
            and self.compare == "rotated"
            and self.grouping.paged
            and self.digest.linear
            and self.scoring.alone
            and self.reuse.recall() is None
        )

    @property
    def reads(self) -> int:
        """As `reading` says."""
        return self.reading

    def check(self, plan: Slots) -> None:
        """Refuses comparing without rotation where keys are stored rotated."""
        raw = plan.codec is not None and plan.codec.raw
        if self.compare != "rotated" and not raw and (plan.positions is None or not plan.positions.by_rank):
            raise PlanError(
                f"compare={self.compare} needs keys that are stored before their rotation; add positions=in-cache, or "
                "leave compare out"
            )

    def skips(self, layer: int, layers: int) -> bool:
        """The first layers visit everything."""
        return layer < self.dense


@dataclass(frozen=True, kw_only=True)
class Recipe(Selector):
    """Base of selectors that are a combination of parts under a name of their own."""

    def __post_init__(self) -> None:
        self.parts  # noqa: B018  # refuses what the parts refuse

    @abstractmethod
    def combination(self) -> Retrieve:
        """The parts."""

    @cached_property
    def parts(self) -> Retrieve:
        """The combination, made once."""
        return self.combination()

    def summary(self) -> Summary:
        """The parts at work."""
        return self.parts.summary()

    @property
    def ranks(self) -> bool:
        """As the combination says."""
        return self.parts.ranks

    @property
    def reads(self) -> int:
        """As the combination says."""
        return self.parts.reads

    def check(self, plan: Slots) -> None:
        """As the combination says."""
        self.parts.check(plan)

    def skips(self, layer: int, layers: int) -> bool:
        """As the combination says."""
        return self.parts.skips(layer, layers)

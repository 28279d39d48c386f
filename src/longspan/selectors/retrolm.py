"""RetroLM: pages retrieved for all heads."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.mean import Mean
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.votes import Votes

CARD = Card(
    name="retrolm",
    target="longspan.selectors.retrolm:RetroLM",
    paper="Does RAG Really Perform Bad For Long-Context Processing?",
    link="https://arxiv.org/abs/2502.11444",
    year=2025,
    training=False,
    changes="Queries visit the pages that the heads of a layer together find most relevant.",
    field=(65,),
    trained=True,
    missing="Its trained retriever and the fine-tuning of the model are absent, since no weights of them are "
    "to be had here; mean keys stand for the retriever.",
)


@dataclass(frozen=True, kw_only=True)
class RetroLM(Recipe):
    """Visits the pages that the heads of a layer together find most relevant. https://arxiv.org/abs/2502.11444

    The paper trains a retriever over bookmark tokens, and the model to use what is retrieved. This is the part that
    needs no training: a page is known by its mean key, and retrieved by the softmax weights that the heads give to
    the pages. The sizes are ours.
    """

    budget: Budget = 2048
    """Entries retrieved, in whole pages."""
    page: int = 128
    """Entries of a page."""
    sinks: int = 128
    """First entries, visited in any case."""
    local: int = 512
    """Last entries, visited in any case."""
    reading: int = 512
    """Queries that share a choice while text is read."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("page", self.page, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Pages, mean keys, and votes."""
        return Retrieve(
            grouping=Pages(size=self.page),
            digest=Mean(),
            scoring=Votes(scaled=True),
            reuse=Never(),
            budget=self.budget,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
        )

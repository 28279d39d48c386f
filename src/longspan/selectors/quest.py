"""Quest: pages of keys, bounded by their channel-wise minimum and maximum."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.digests.bounds import Bounds
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.heads import Heads

CARD = Card(
    name="quest",
    target="longspan.selectors.quest:Quest",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="Each decoding query visits only the pages of keys whose bounds promise the highest scores.",
    field=(228,),
)


@dataclass(frozen=True, kw_only=True)
class Quest(Recipe):
    """Visits the pages whose keys could score highest. https://arxiv.org/abs/2406.10774

    The bound on a page's best score is Σ max(q·min, q·max) over channels. As in the authors' kernels the last
    page is always among those visited.
    """

    budget: int = 1024
    """Entries visited per query head, in whole pages, at least 3 of them."""
    page: int = 16
    """Entries of a page."""
    dense: int = 2
    """First layers that visit everything."""

    def __post_init__(self) -> None:
        check_range("page", self.page, 1)
        check_range("budget", self.budget, self.page)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """The last page, and the best of the others."""
        pages = max(3, self.budget // self.page)
        return Retrieve(
            grouping=Pages(size=self.page),
            digest=Bounds(),
            scoring=Heads(),
            reuse=Never(),
            budget=(pages - 1) * self.page,
            dense=self.dense,
        )

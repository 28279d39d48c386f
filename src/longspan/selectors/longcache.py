"""LongCache: spans around the tokens that heads vote for."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.tokens import Tokens
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.spans import Spans


@dataclass(frozen=True, kw_only=True)
class LongCache(Recipe):
    """Visits spans around the best tokens of each head, the same for all heads. https://arxiv.org/abs/2407.15176

    Later versions of the paper call it ReAttention. Tokens are compared with rotation and at their true positions;
    the paper compares them without, and moves what is visited together. While text is read the mean query of each
    head votes, where in the paper every query does.

    spans: spans visited at most. span: tokens of a span. top: tokens that each head votes for. sinks, local: first
    and last tokens visited in any case. reading: queries that share a choice while text is read.
    """

    spans: int = 96
    span: int = 32
    top: int = 4
    sinks: int = 32
    local: int = 4096
    reading: int = 512

    def __post_init__(self) -> None:
        check_range("spans", self.spans, 1)
        check_range("span", self.span, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Tokens, their keys, and spans around the votes."""
        return Retrieve(
            grouping=Tokens(),
            digest=Keys(),
            scoring=Spans(top=self.top, span=self.span),
            reuse=Never(),
            budget=self.spans * self.span,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
        )

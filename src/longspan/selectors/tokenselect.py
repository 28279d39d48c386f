"""TokenSelect: single tokens by soft votes of all heads."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget
from longspan.registry import Card
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.tokens import Tokens
from longspan.selectors.retrieval import Compare
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.similar import Similar
from longspan.selectors.scorings.votes import Votes

CARD = Card(
    name="tokenselect",
    target="longspan.selectors.tokenselect:TokenSelect",
    paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
    "Token-Level KV Cache Selection",
    link="https://arxiv.org/abs/2411.02886",
    year=2024,
    training=False,
    changes="Queries visit single tokens by soft votes of all heads, and keep the choice while queries are alike.",
    field=(276,),
)


@dataclass(frozen=True, kw_only=True)
class TokenSelect(Recipe):
    """Visits the tokens with the most soft votes, as long as queries stay alike. https://arxiv.org/abs/2411.02886

    Votes are a softmax of query · key without 1/√d, over all tokens but the first and the recent ones, as the authors
    have it. They turn the query as if every token stood at the edge of the recent ones, and number what is visited
    anew: that is the plan called tokenselect, this with compare=edge beside positions=in-cache. By itself the selector
    compares as attention does and leaves true positions.
    Deviations: the paper's formula could not be read, this is its code, which has the cache of choices off (here
    threshold=1), takes the largest vote of neighbours for some tasks, counts the chunk of 512 that is being read among
    the recent tokens, and has query heads vote by keys of other KV heads.
    """

    budget: Budget = 2048
    """Tokens chosen at most, besides the first and the last."""
    threshold: float = 0.9
    """A choice is kept while the cosine with the query that made it is above this."""
    sinks: int = 128
    """First entries, visited in any case."""
    local: int = 512
    """Last entries, visited in any case."""
    reading: int = 512
    """Queries that share a choice while text is read."""
    compare: Compare = "rotated"
    """How queries meet keys where they choose: "rotated", as in attention; "unrotated", both before their rotation;
    "edge", keys before it and queries turned by `local` positions.
    """

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Tokens, their keys, votes, and the selection cache."""
        return Retrieve(
            grouping=Tokens(),
            digest=Keys(),
            scoring=Votes(),
            reuse=Similar(threshold=self.threshold),
            budget=self.budget,
            sinks=self.sinks,
            local=self.local,
            dense=0,
            reading=self.reading,
            compare=self.compare,
        )

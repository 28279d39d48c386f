"""LongCache: spans around the tokens that heads vote for."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.tokens import Tokens
from longspan.selectors.retrieval import Compare
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.spans import Spans

CARD = Card(
    name="longcache",
    target="longspan.selectors.longcache:LongCache",
    paper="Farewell to Length Extrapolation, a Training-Free Infinite Context with Finite Attention Scope",
    link="https://arxiv.org/abs/2407.15176",
    year=2024,
    training=False,
    changes="Queries visit spans around the tokens for which they and the other heads of a layer vote.",
    field=(91,),
)


@dataclass(frozen=True, kw_only=True)
class LongCache(Recipe):
    """Visits spans around the best tokens of each query and head, the same for all heads. https://arxiv.org/abs/2407.15176

    Later versions of the paper call it ReAttention. It compares queries and keys without their rotation, and moves what
    is visited together: that is the plan called longcache, this with compare=unrotated beside positions=in-cache. By
    itself the selector takes them as attention does, at their true positions.
    The defaults are those of the authors' runs with Llama-3-8B; for models of larger windows they have 256 spans and
    8192 local tokens. Deviations: their local part is up to 128 tokens shorter, so that it begins with a block; while
    generating, their code lets query heads vote by keys of other KV heads; a span of an odd number has one token more.
    """

    spans: int = 127
    """Spans visited at most."""
    span: int = 32
    """Tokens of a span."""
    top: int = 4
    """Tokens that each query votes for."""
    sinks: int = 32
    """First entries, visited in any case."""
    local: int = 4096
    """Last entries, visited in any case."""
    reading: int = 512
    """Queries that share a choice while text is read."""
    compare: Compare = "rotated"
    """How queries meet keys where they choose: "rotated", as in attention; "unrotated", both before their rotation;
    "edge", keys before it and queries turned by `local` positions.
    """

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
            compare=self.compare,
        )

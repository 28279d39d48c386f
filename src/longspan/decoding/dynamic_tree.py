"""EAGLE-2's dynamic trees over any model that drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.decoding.base import Decode, Draft, Drafter, Host, Proposer
from longspan.decoding.chain import ChainDecode
from longspan.decoding.self_speculation import SelfSpeculation
from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.registry import Card

CARD = Card(
    name="dynamic-tree",
    target="longspan.decoding.dynamic_tree:DynamicTree",
    paper="EAGLE-2: Faster Inference of Language Models with Dynamic Draft Trees",
    link="https://arxiv.org/abs/2406.16858",
    year=2024,
    training=False,
    changes="Drafts a tree that grows where the drafter is sure, and verifies its likeliest tokens.",
    field=(67,),
    trained=True,
    missing="The drafter that EAGLE trains for each model is not here: any model drafts, or the model itself.",
)


@dataclass(frozen=True, kw_only=True)
class DynamicTree(Decode):
    """Expands the tokens whose paths the drafter finds likeliest, and keeps the best of all. https://arxiv.org/abs/2406.16858

    At each depth `top_k` tokens are expanded by `top_k` followers each, by the product of the drafter's probabilities
    along their paths; then all are ranked by it and `total_token` stay. The paper takes 10, 7 and 60 on a GPU. Drafts
    are not left to chance, so an answer is the same with and without them. Proposers without a model grow their trees
    by the same rule, with what they learned of their tokens in the place of probabilities.
    """

    drafter: Decode = field(default_factory=SelfSpeculation, metadata={"room": "decode"})
    """Who drafts: draft-model or self-speculation, of which what says how they draft a line is left aside."""
    top_k: int = 2
    """Tokens that are expanded at each depth, and followers of each."""
    depth: int = 4
    """Passes of the drafter at most."""
    total_token: int = 8
    """Tokens that stay."""

    def __post_init__(self) -> None:
        if not isinstance(self.drafter, ChainDecode):
            raise PlanError(
                "drafter is no model that drafts; give draft-model(model=...) or self-speculation(...)"
            )
        for name in ("top_k", "depth", "total_token"):
            check_range(name, getattr(self, name), 1)

    def proposer(self) -> Proposer:
        """Asks the drafter depth by depth."""
        return _Tree(self)


class _Tree(Proposer):
    def __init__(self, method: DynamicTree) -> None:
        self._method = method
        self._drafter: Drafter | None = None

    def join(self, host: Host) -> None:
        """For which answer."""
        if isinstance(self._method.drafter, ChainDecode):
            self._drafter = self._method.drafter.drafter(host)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """A tree, grown by a depth with each pass of the drafter."""
        method, drafter = self._method, self._drafter
        if drafter is None:
            raise RuntimeError(
                "a proposer that drafts with a model was not told for which answer; call join first"
            )
        drafted, parents, scores = list[int](), list[int](), list[float]()
        expanded, inner = [-1], Draft()  # what is expanded next, and all that was, as the drafter sees it
        places = {-1: -1}  # of what was expanded, among `inner`
        for _ in range(min(method.depth, room)):
            rows, first = drafter.after(ids, inner).float().softmax(-1), len(drafted)
            for own in expanded:
                best = rows[places[own] + 1].topk(min(method.top_k, rows.shape[-1]))
                drafted += best.indices.tolist()
                parents += [own] * len(best.indices)
                scores += [likely * (1.0 if own < 0 else scores[own]) for likely in best.values.tolist()]
            likeliest = sorted(range(first, len(drafted)), key=lambda own: -scores[own])[: method.top_k]
            expanded = sorted(likeliest)
            for own in expanded:
                places[own] = len(inner.ids)
                inner = Draft((*inner.ids, drafted[own]), (*inner.parents, places[parents[own]]))
        tree = Draft(tuple(drafted), tuple(parents), scores=tuple(scores))
        return tree.likeliest(min(method.total_token, max(room, method.top_k)))

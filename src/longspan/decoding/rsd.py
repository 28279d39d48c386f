"""Recursive speculative decoding: trees whose siblings are drawn without replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, log, log1p
from typing import NamedTuple

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Drafter, Drawn, Draws, Host, Proposer, Verifier
from longspan.decoding.chain import ChainDecode
from longspan.decoding.rejection import Rejection
from longspan.decoding.self_speculation import SelfSpeculation
from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.registry import Card

CARD = Card(
    name="rsd",
    target="longspan.decoding.rsd:RSD",
    paper="Recursive Speculative Decoding: Accelerating LLM Inference via Sampling Without Replacement",
    link="https://arxiv.org/abs/2402.14160",
    year=2024,
    training=False,
    changes="A drafter draws a tree of tokens without replacement, verified by recursive rejection sampling.",
    field=(232,),
)


@dataclass(frozen=True, kw_only=True)
class RSD(Decode):
    """Trees of a drafter that is a model. https://arxiv.org/abs/2402.14160

    With `branches` (RSD-C) each token of a depth has so many followers, drawn without replacement, which is what the
    Gumbel-top-k trick draws. With `beams` (RSD-S) stochastic beam search (https://arxiv.org/abs/1903.06059) draws that
    many texts without replacement and leaves out the unlikely ones early. Greedily the followers are the likeliest.
    """

    drafter: Decode = field(default_factory=SelfSpeculation, metadata={"room": "decode"})
    """Who drafts: draft-model or self-speculation, of which what says how they draft a line is left aside."""
    branches: tuple[int, ...] = (2, 2)
    """Followers of each token, depth by depth."""
    beams: int = 0
    """Texts that stay at each depth, as many depths as `branches` has; 0 for RSD-C."""

    def __post_init__(self) -> None:
        if not isinstance(self.drafter, ChainDecode):
            raise PlanError(
                "drafter is no model that drafts; give draft-model(model=...) or self-speculation(...)"
            )
        if not self.branches:
            raise ValueError("branches is empty; give the followers of each depth, such as [2,2]")
        for each in self.branches:
            check_range("branches", each, 1)
        check_range("beams", self.beams, 0)

    def proposer(self) -> Proposer:
        """Asks the drafter depth by depth."""
        return _Tree(self)

    def verifier(self) -> Verifier:
        """Recursive rejection sampling."""
        return Rejection()


class _Tree(Proposer):
    def __init__(self, method: RSD) -> None:
        self._method = method
        self._host: Host | None = None
        self._drafter: Drafter | None = None

    def join(self, host: Host) -> None:
        """For which answer."""
        if isinstance(self._method.drafter, ChainDecode):
            self._host, self._drafter = host, self._method.drafter.drafter(host)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """A tree, grown by a depth with each pass of the drafter."""
        host, drafter, method = self._host, self._drafter, self._method
        if host is None or drafter is None:
            raise RuntimeError(
                "a proposer that drafts with a model was not told for which answer; call join first"
            )
        draws = host.apart(len(ids))
        draft, leaves = Draft(), [Leaf(-1, 0.0, 1.0)]
        for count in method.branches:
            each, total = (method.beams, method.beams) if method.beams else (count, count * len(leaves))
            if draft.ids and len(draft.ids) + total > room:
                break
            rows = drafter.after(ids, draft)
            draft, leaves = grown(draft, leaves, rows, draws, each=each, total=total)
        return draft


class Leaf(NamedTuple):
    """A text of a tree. place: of its last token. time: when it arrives. mass: its probability, by the drafter."""

    place: int
    time: float
    mass: float


def grown(
    draft: Draft, leaves: Sequence[Leaf], rows: Tensor, draws: Draws, *, each: int, total: int
) -> tuple[Draft, list[Leaf]]:
    """A tree with followers of its leaves, `each` of a leaf and `total` at most, and these followers.

    rows: logits `[1 + n, vocab]` after the text and each token of the draft. Texts arrive in a race in which each has
    its probability as its rate (Gumbels are minus the logarithms of such times), so those that arrive first are drawn
    without replacement: a leaf's first follower arrives with it, the next one a time later that has the mass of the
    others as its rate. Where nothing is chance, likelier followers arrive earlier.
    """
    waiting = [_Followers(leaf, rows[leaf.place + 1], draws) for leaf in leaves]
    ids, parents, drawn, found = list(draft.ids), list(draft.parents), dict(draft.drawn), list[Leaf]()
    while waiting and len(found) < total:
        first = min(waiting, key=lambda one: one.time)
        arrived = first.next(len(ids))
        ids.append(first.ids[-1])
        parents.append(first.leaf.place)
        found.append(arrived)
        if len(first.ids) == each or first.time == inf:
            waiting.remove(first)
            if not first.certain:
                drawn[first.leaf.place] = Drawn(tuple(first.ids), first.odds)
    drawn |= {
        one.leaf.place: Drawn(tuple(one.ids), one.odds) for one in waiting if one.ids and not one.certain
    }
    return Draft(tuple(ids), tuple(parents), drawn), found


class _Followers:
    """What may follow a leaf. time: when the next of them arrives."""

    def __init__(self, leaf: Leaf, logits: Tensor, draws: Draws) -> None:
        self.leaf, self._draws = leaf, draws
        self.ids: list[int] = []
        self.odds = draws.distribution(logits)
        self.certain = float(self.odds.max()) == 1.0
        if self.certain:
            self.odds = logits.float().softmax(-1)
        self._left = self.odds
        self.time = leaf.time
        if self.certain:
            self.time -= log(float(self.odds.max()))

    def next(self, place: int) -> Leaf:
        """The one that arrives, which gets a place in the draft."""
        left = self._left
        token = int(left.argmax()) if self.certain else self._draws.choose(left / left.sum())
        self.ids.append(token)
        arrived = Leaf(place, self.time, self.leaf.mass * float(self.odds[token]))
        self._left = left = left.index_fill(0, left.new_tensor([token]).long(), 0.0)
        rest = float(left.max() if self.certain else left.sum())
        if rest <= 0.0:
            self.time = inf
        elif self.certain:
            self.time = self.leaf.time - log(rest)
        else:
            self.time -= log1p(-self._draws.chance()) / (self.leaf.mass * rest)
        return arrived

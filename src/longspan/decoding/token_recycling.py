"""Token Recycling: what the model thought might follow a token before."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Host, Proposer
from longspan.decoding.odds import Odds, Watched
from longspan.parameters import check_range
from longspan.registry import Card

CARD = Card(
    name="token-recycling",
    target="longspan.decoding.token_recycling:TokenRecycling",
    paper="Turning Trash into Treasure: Accelerating Inference of Large Language Models with Token Recycling",
    link="https://arxiv.org/abs/2408.08696",
    year=2024,
    training=False,
    changes="Drafts a tree of the tokens that the model thought likeliest behind each token when it last passed.",
    field=(281,),
)

_FIRST = (0.45, 0.15, 0.08, 0.05, 0.03, 0.02, 0.02, 0.01)  # first guesses by rank


@dataclass(frozen=True, kw_only=True)
class TokenRecycling(Decode):
    """A table of what may follow each token, from the logits of all that is verified. https://arxiv.org/abs/2408.08696

    After each pass the likeliest successors of every token in it, accepted or not, take the place of its older ones;
    the table stays for the next answers of a text. The authors' tree is a template of 80 tokens by rank. Here it grows
    best first, by how often successors of each rank are right, which is learned as the text goes on, so that its size
    can be what pays on a processor. Tokens that never passed have no successors.
    """

    candidates: int = 8
    """Successors that are kept of each token."""
    size: int = 16
    """Tokens of a tree at most; the template has 80."""

    def __post_init__(self) -> None:
        check_range("candidates", self.candidates, 1)
        check_range("size", self.size, 1)

    def proposer(self) -> Proposer:
        """One whose table is kept for the next answer."""
        return _Recycler(self)


class _Recycler(Proposer):
    def __init__(self, made: TokenRecycling) -> None:
        self._made = made
        self._table: dict[int, list[int]] = {}
        self._odds = Odds(_hope)
        self._watched = Watched(self._odds)
        self._last = -1

    def join(self, host: Host) -> None:
        """Takes the table of earlier answers."""
        self._table, self._odds = host.kept(
            f"token-recycling {self._made.candidates}", lambda: (self._table, self._odds)
        )
        self._watched = Watched(self._odds)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """A tree of successors, the likeliest first."""
        self._watched.follow(ids)
        self._last = ids[-1]
        drafted, parents, scores, ranks = list[int](), list[int](), list[float](), list[int]()
        odds = [self._odds.of(rank) for rank in range(self._made.candidates)]
        best = sorted(range(len(odds)), key=lambda rank: -odds[rank])
        # Of each token only the best successor that is left waits: score, number, token, parent, place among the best.
        waiting: list[tuple[float, int, int, int, int]] = []
        number = 0

        def wait(parent: int, token: int, place: int) -> None:
            nonlocal number
            followers = self._table.get(token, ())
            while place < len(best) and best[place] >= len(followers):
                place += 1
            if place < len(best):
                score = odds[best[place]] * (scores[parent] if parent >= 0 else 1.0)
                heapq.heappush(waiting, (-score, number, token, parent, place))
                number += 1

        wait(-1, self._last, 0)
        while waiting and len(drafted) < min(room, self._made.size):
            score, _, before, parent, place = heapq.heappop(waiting)
            drafted.append(self._table[before][best[place]])
            parents.append(parent)
            scores.append(-score)
            ranks.append(best[place])
            wait(parent, before, place + 1)
            wait(len(drafted) - 1, drafted[-1], 0)
        draft = Draft(tuple(drafted), tuple(parents), scores=tuple(scores))
        self._watched.begin(draft, ranks, len(ids))
        return draft

    def learn(self, draft: Draft, logits: Tensor) -> None:
        """Takes the likeliest successors of every token that passed."""
        best = logits.topk(min(self._made.candidates, logits.shape[-1]), dim=-1).indices.tolist()
        self._table.update(zip((self._last, *draft.ids), best, strict=True))


def _hope(rank: Hashable) -> float:
    return _FIRST[rank] if isinstance(rank, int) and rank < len(_FIRST) else _FIRST[-1]

"""Tokens that a drafter drew, taken or rejected so that what comes out is drawn as the model would."""

from __future__ import annotations

from torch import Tensor

from longspan.decoding.base import Drawn, Draws, Exact


class Rejection(Exact):
    """Rejection sampling: the answer has the distribution that it would have without drafts.

    Candidates behind a place are tried in the order in which they were drawn, without putting one back: x is taken with
    probability min(1, p(x) / q(x)), else p becomes (p − q)₊ and q loses x, both normalised; after the last the token is
    drawn from what p has become. One candidate is speculative sampling (https://arxiv.org/abs/2211.17192), several are
    recursive rejection sampling (https://arxiv.org/abs/2402.14160). Where nothing was drawn it does as `Exact`.
    """

    def next(self, drawn: Drawn | None, logits: Tensor, draws: Draws) -> int:
        """The token behind a place."""
        if drawn is None:
            return draws.draw(logits)
        token = self.decided(draws.distribution(logits), drawn, draws)
        draws.take(token, logits)
        return token

    def decided(self, odds: Tensor, drawn: Drawn, draws: Draws) -> int:
        """The token behind a place, of which the model thinks `odds`: probabilities `[vocab]`."""
        wanted, offered = odds, drawn.odds
        for token in drawn.ids:
            share = offered_odds(offered, token)
            if draws.happens(float(wanted[token]) / share):
                return token
            wanted = rest(wanted - offered, otherwise=wanted)
            offered = offered.index_fill(0, offered.new_tensor([token]).long(), 0.0)
            offered = rest(offered, otherwise=offered)
        return draws.choose(wanted)


def offered_odds(offered: Tensor, token: int) -> float:
    """By which a token was drawn. Raises ValueError for one that could not be."""
    share = float(offered[token])
    if not share > 0.0:
        raise ValueError(
            f"token {token} was drawn where its odds are {share}; give the odds of the first draw"
        )
    return share


def rest(odds: Tensor, *, otherwise: Tensor) -> Tensor:
    """What is positive of numbers `[vocab]`, as probabilities. otherwise: what rounding leaves when nothing is."""
    odds = odds.clamp(min=0.0)
    total = odds.sum()
    return odds / total if float(total) > 0.0 else otherwise

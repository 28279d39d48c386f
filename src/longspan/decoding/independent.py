"""Several tokens that a drafter drew independently, of which one may be taken."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.decoding.base import Drawn, Draws
from longspan.decoding.rejection import Rejection, offered_odds, rest

_HALVINGS = 30


class Independent(Rejection):
    """k-sequential selection of SpecTr, for candidates of which each was drawn from q. https://arxiv.org/abs/2310.15141

    Each of k candidates is taken with probability min(1, p(x) / (ρ q(x))), where 1 ≤ ρ ≤ k solves
    1 − (1 − β)^k = ρ β with β = Σ min(q, p / ρ); if none is, the token is drawn from p − min(q, p / ρ) ρ, normalised,
    which is what the candidates leave to be drawn.
    """

    def decided(self, odds: Tensor, drawn: Drawn, draws: Draws) -> int:
        """The token behind a place, of which the model thinks `odds`: probabilities `[vocab]`."""
        wanted, offered, count = odds.double(), drawn.odds.double(), len(drawn.ids)
        factor = _factor(wanted, offered, count)
        for token in drawn.ids:
            if draws.happens(float(wanted[token]) / (factor * offered_odds(offered, token))):
                return token
        taken = torch.minimum(offered, wanted / factor)
        each = float(taken.sum())
        some = 1.0 - (1.0 - each) ** count
        return draws.choose(rest(wanted - taken * (some / each if each else 0.0), otherwise=wanted))


def _factor(wanted: Tensor, offered: Tensor, count: int) -> float:
    """ρ, by halving and from above: the smallest with which no token is taken more often than it is wanted."""
    low, high = 1.0, float(count)
    for _ in range(_HALVINGS if count > 1 else 0):
        middle = (low + high) / 2
        each = float(torch.minimum(offered, wanted / middle).sum())
        if 1.0 - (1.0 - each) ** count > middle * each:
            low = middle
        else:
            high = middle
    return high

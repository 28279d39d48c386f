"""A search whose best candidate is known: its loss is the distance from it."""

from longspan.extending.candidate import Candidate
from longspan.extending.longrope import LongRoPESpace
from longspan.extending.longrope2 import LongRoPE2Space
from ropes import stock_rope

SCALE = 4.0
ROPE = stock_rope(16, 1e4, 512)
LONGROPE = LongRoPESpace(rope=ROPE, scale=SCALE)
LONGROPE2 = LongRoPE2Space(rope=ROPE, scale=SCALE)

BEST = {
    "longrope": Candidate(factors=(1.0, 1.12, 1.5, 1.9, 2.6, 3.3, 4.1, 4.6), first=16),
    "longrope2": Candidate(factors=(1.0, 1.5, 2.2, 3.2, 4.8, 5.1, 5.9, 7.0), critical=4),
}
SPACES = {"longrope": LONGROPE, "longrope2": LONGROPE2}


def distance(method: str):
    """The loss of a candidate: how far it is from the best."""
    best = BEST[method]

    def loss(candidate: Candidate) -> float:
        far = sum((mine - its) ** 2 for mine, its in zip(candidate.factors, best.factors, strict=True))
        return far + (candidate.first != best.first) * 0.1

    return loss

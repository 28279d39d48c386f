"""A proposer that was told what will be said, and hides it among other tokens."""

import random
from dataclasses import dataclass, field

from longspan.decoding.base import Decode, Draft, Exact, Proposer, Verifier


@dataclass(frozen=True, kw_only=True, eq=False)
class Told(Decode):
    """Drafts random trees. text: all that is read and said. size: tokens at most. calls: what was drafted."""

    gate: bool = False
    text: list
    seed: int = 0
    size: int = 8
    check: Verifier = field(default_factory=Exact)
    calls: list = field(default_factory=list)

    def proposer(self):
        return Teller(self)

    def verifier(self):
        return self.check


class Teller(Proposer):
    def __init__(self, told):
        self.told, self.chances = told, random.Random(told.seed)

    def propose(self, ids, room):
        told, chances = self.told, self.chances
        assert ids == told.text[: len(ids)]
        coming = told.text[len(ids) :]
        drafted, parents, right = [], [], {-1: 0}
        for place in range(chances.randint(0, told.size)):
            parent = chances.choice([-1, place - 1, place - 1, *right, *right])
            depth = right.get(parent, len(coming))
            if depth < len(coming) and chances.random() < 0.7:
                drafted.append(coming[depth])
                right[place] = depth + 1
            else:
                drafted.append(chances.randint(3, 200))
            parents.append(parent)
        told.calls.append(drafted)
        return Draft(tuple(drafted), tuple(parents))

"""Everything that can happen where things are left to chance, each with its probability."""

from collections import defaultdict

import torch


class Branching:
    """Draws of an answer that remember which way they went, and go another way the next time.

    odds of a row of logits: its softmax in fp64, changed by `path`, if given, which sees the tokens taken so far.
    """

    def __init__(self, path=None):
        self.ways, self.path = [], path

    def begin(self):
        self.step, self.weight, self.taken = 0, 1.0, []

    def choose(self, odds):
        return self._go([float(each) for each in odds])

    def happens(self, probability):
        chance = min(1.0, probability)
        return bool(self._go([1.0 - chance, chance]))

    def chance(self):
        return (0.37 * (1 + self.step)) % 1  # any number does, so one is enough

    def distribution(self, logits):
        found = logits.double().softmax(-1)
        return found if self.path is None else self.path(found, self.taken)

    def take(self, token, logits):
        self.taken.append(token)

    def draw(self, logits):
        token = self.choose(self.distribution(logits))
        self.take(token, logits)
        return token

    def _go(self, chances):
        if self.step == len(self.ways):
            self.ways.append([way for way, chance in enumerate(chances) if chance > 0])
        way = self.ways[self.step][0]
        self.step += 1
        self.weight *= chances[way]
        return way

    def turn(self):
        """Goes another way next time; whether there is one."""
        while self.ways and len(self.ways[-1]) == 1:
            self.ways.pop()
        if self.ways:
            del self.ways[-1][0]
        return bool(self.ways)


def outcomes(happening, path=None):
    """Probability of each result of `happening(draws)`, by going all ways."""
    draws, found = Branching(path), defaultdict(float)
    while True:
        draws.begin()
        result = happening(draws)
        found[result] += draws.weight
        if not draws.turn():
            return dict(found)


def row(vocabulary, seed):
    return torch.randn(vocabulary, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1.5

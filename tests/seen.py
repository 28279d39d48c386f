"""Words of a made document, and what a reader makes of each."""

import random


class Words:
    """Numbers that a reader sees, does not see, or is told of."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self.named: list[str] = []
        self._count = 10_000

    def word(self, kind: str = "seen") -> str:
        self._count += 1
        getattr(self, kind).append(str(self._count))
        return str(self._count)

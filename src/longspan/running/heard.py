"""Draws that remember what was drawn, and from what."""

from __future__ import annotations

from torch import Tensor

from longspan.decoding.base import Draws, Said


class Heard:
    """The draws of somebody else, listened to. said: tokens that were taken, each with the odds of its place."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._odds: Tensor | None = None
        self.said: list[Said] = []

    def draw(self, logits: Tensor) -> int:
        """The next token, which is taken."""
        token = self.choose(self.distribution(logits))
        self.take(token, logits)
        return token

    def distribution(self, logits: Tensor) -> Tensor:
        """From which it is drawn."""
        self._odds = self._draws.distribution(logits)
        return self._odds

    def choose(self, odds: Tensor) -> int:
        """A token by chance."""
        return self._draws.choose(odds)

    def happens(self, probability: float) -> bool:
        """Whether something happens."""
        return self._draws.happens(probability)

    def chance(self) -> float:
        """A number from [0, 1)."""
        return self._draws.chance()

    def take(self, token: int, logits: Tensor) -> None:
        """The next token; its odds are those that were asked for last."""
        self._draws.take(token, logits)
        if self._odds is None:
            raise RuntimeError("a token was taken before its odds were asked for")
        self.said.append(Said(token, self._odds))

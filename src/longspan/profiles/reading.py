"""A text read with full attention, for measures to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from longspan.engine.engine import Engine
from longspan.engine.memory import Memory
from longspan.engine.passing import Portion
from longspan.plan import Plan
from longspan.seam import Seam
from longspan.store.ledger import Ledger

LENGTH = 2048
"""Tokens that a measure reads, fewer where the model's window is smaller."""


class Reading:
    """Chunks of a text that pass through a model. observed: last queries that are remembered.

    layers: those without a window of their own, from which entries can go.
    """

    def __init__(self, seam: Seam, *, observed: int = 0) -> None:
        self._engine = Engine(seam, Plan(), observe=observed, reach=seam.window)
        self.memory: Memory = self._engine.memory(Ledger())
        self.layers = full_layers(seam)

    def read(self, ids: Sequence[int], chunk: int) -> Iterator[int]:
        """Reads chunk by chunk; yields the tokens of each chunk once they are stored."""
        self.memory.announced = self.memory.seen + len(ids)
        for start in range(0, len(ids), chunk):
            part = torch.tensor(ids[start : start + chunk], device=self._engine.seam.device)
            self._engine.forward([Portion(memory=self.memory, ids=part)], [len(part) - 1])
            yield len(part)


def full_layers(seam: Seam) -> list[int]:
    """Layers that see everything that the model was trained for."""
    return [index for index, window in enumerate(seam.windows) if window is None or window >= seam.window]

"""A selection holds for the layers that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.reuses.base import Recall, Reuse

CARD = Card(
    name="layers",
    target="longspan.selectors.reuses.layers:Layers",
    paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
    link="https://arxiv.org/abs/2501.06807",
    year=2025,
    training=False,
    changes="A choice holds for the layers that follow.",
)


@dataclass(frozen=True, kw_only=True)
class Layers(Reuse):
    """Adjacent layers visit the groups that the first of them has chosen, as in MPCache, https://arxiv.org/abs/2501.06807.

    Groups are shared by number, and only among rows of equal length; where a policy has left a layer rows of other
    lengths, they choose for themselves.
    """

    ordered: ClassVar[bool] = True

    count: int | None = 2
    """How many layers share a choice, None for all that follow the first one that chooses. Layers without
    selection, such as those with a sliding window, do not count.
    """

    def __post_init__(self) -> None:
        if self.count is not None:
            check_range("count", self.count, 1)

    def recall(self) -> Recall:
        """Nothing of its own: layers meet in the notes of a pass."""
        return LayersBefore(self.count)


@dataclass
class _Choices:
    """What one layer chose in this pass, per turn: rows that are alike come one after the other, each is a turn."""

    layer: int
    used: int = 0
    turn: int = 0
    picked: dict[int, tuple[tuple[int, int], Picked]] = field(default_factory=dict)


class LayersBefore(Recall):
    """Reads and writes the notes."""

    def __init__(self, count: int | None) -> None:
        self._count = count

    def recall(self, visit: Visit) -> Picked | None:
        """What the choosing layer picked for the same rows."""
        choices = visit.scene.notes.find(_Choices)
        layer = visit.scene.layer
        if choices is not None and choices.layer != layer:
            choices.layer, choices.used, choices.turn = layer, choices.used + 1, 0
        if choices is None or (self._count is not None and choices.used >= self._count):
            choices = _Choices(layer)
            visit.scene.notes.leave(choices)
        choices.turn += 1
        shape, picked = choices.picked.get(choices.turn, (None, None))
        return picked if choices.used > 0 and shape == _shape(visit) else None

    def remember(self, visit: Visit, picked: Picked) -> None:
        """For the layers that follow."""
        choices = visit.scene.notes.find(_Choices)
        if choices is not None and choices.used == 0:
            choices.picked[choices.turn] = (_shape(visit), picked)


def _shape(visit: Visit) -> tuple[int, int]:
    return len(visit.query), visit.entries

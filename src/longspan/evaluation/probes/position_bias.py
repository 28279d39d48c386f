"""How the score bends with the depth at which the answer lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from longspan.evaluation.record import Record
from longspan.evaluation.report.curves import placed
from longspan.evaluation.task import TaskError

MIN_DEPTHS = 3
"""A parabola needs as many."""


@dataclass(frozen=True, kw_only=True)
class Depth:
    """The mean figure of the `count` samples whose answer lies at this depth, from 0 to 1."""

    depth: float
    mean: float
    count: int


@dataclass(frozen=True, kw_only=True)
class PositionBias:
    """The means by depth of one task at one length under one plan, and a parabola fitted to all samples.

    start, middle and end: the parabola at depths 0, 1/2 and 1. Many different depths are put together in tenths for
    the means; the least-squares fit takes each as it is.
    """

    plan: str
    task: str
    length: int | None
    figure: str
    depths: tuple[Depth, ...]
    start: float
    middle: float
    end: float

    @property
    def u_shape(self) -> float:
        """The mean of both ends minus the middle: above 0 the middle has less, 0 is a straight line."""
        return (self.start + self.end) / 2 - self.middle

    @property
    def tilt(self) -> float:
        """The end minus the start: above 0 later is more."""
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return {
            "plan": self.plan,
            "task": self.task,
            "length": self.length,
            "figure": self.figure,
            "start": self.start,
            "middle": self.middle,
            "end": self.end,
            "u_shape": self.u_shape,
            "tilt": self.tilt,
            "depths": [{"depth": each.depth, "mean": each.mean, "count": each.count} for each in self.depths],
        }


def position_bias(records: Iterable[Record], *, figure: str = "score") -> tuple[PositionBias, ...]:
    """How a figure of the scores goes with depth, for each plan, task and length of some records, as they come.

    That models use the middle least: Lost in the Middle, https://arxiv.org/abs/2307.03172. Tasks and lengths are not
    put together: where one is harder and has its answers at other depths, that would look like a bias. Records that
    were not scored, whose facts have no depth, or that lack the figure take no part, nor does what has fewer than
    `MIN_DEPTHS` depths. For a figure that is better when it is lower, such as a loss, a bent-down middle is a u_shape
    below 0.

    Raises TaskError where nothing is left.
    """
    groups: dict[tuple[str, str, int | None], list[tuple[float, float]]] = {}
    for record in records:
        if record.status == "scored" and figure in record.scores:
            depth = record.facts.get("depth")
            if isinstance(depth, int | float) and not isinstance(depth, bool) and 0 <= depth <= 1:
                group = groups.setdefault((record.plan, record.task, record.length), [])
                group.append((float(depth), record.scores[figure]))
    if not groups:
        raise TaskError(
            f"no record has a {figure} and the depth of its answer; run a task that has, such as needle/sentence"
        )
    enough = {key: points for key, points in groups.items() if _different(points) >= MIN_DEPTHS}
    if not enough:
        deepest = max(map(_different, groups.values()))
        raise TaskError(
            f"no task has answers at more than {deepest} depths, a curve needs {MIN_DEPTHS} or more; "
            "run with more samples=..."
        )
    return tuple(
        _fitted(plan, task, length, figure, points) for (plan, task, length), points in enough.items()
    )


def _different(points: list[tuple[float, float]]) -> int:
    return len({depth for depth, _ in points})


def _fitted(
    plan: str, task: str, length: int | None, figure: str, points: list[tuple[float, float]]
) -> PositionBias:
    depths, values = zip(*points, strict=True)
    parabola = np.polynomial.Polynomial.fit(depths, values, 2, domain=[0, 1])
    start, middle, end = (float(value) for value in parabola(np.array([0.0, 0.5, 1.0])))
    together: dict[float, list[float]] = {}
    for place, value in zip(placed(depths), values, strict=True):
        together.setdefault(place, []).append(value)
    return PositionBias(
        plan=plan,
        task=task,
        length=length,
        figure=figure,
        depths=tuple(
            Depth(depth=place, mean=float(np.mean(found)), count=len(found))
            for place, found in sorted(together.items())
        ),
        start=start,
        middle=middle,
        end=end,
    )

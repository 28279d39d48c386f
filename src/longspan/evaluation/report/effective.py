"""Up to which length the scores of a plan hold, for tasks that were measured at short and at long lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from longspan.evaluation.metrics.effective import (
    BASE_UP_TO,
    SHARE,
    Window,
    base_score,
    effective_length,
    effective_window,
)
from longspan.evaluation.report.table import Row

FIGURES = ("base_score", "least_score", "effective_length", "effective_window", "fails_at")


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far the scores of one plan hold on one task.

    longest: the greatest length measured. base: the plan's best score at a short length. effective_length: the greatest
    length with `SHARE` of it or more, as in NoLiMa (https://arxiv.org/abs/2502.05167). window: the greatest length
    before the first that has less, and that one, MECW's point of failure (https://arxiv.org/abs/2509.21361).
    """

    plan: str
    task: str
    longest: int
    base: float
    effective_length: int
    window: Window

    @property
    def needed(self) -> float:
        """The score at which a length holds."""
        return SHARE * self.base

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, flat, as CSV and JSON hold them."""
        values = (
            self.base,
            self.needed,
            self.effective_length,
            self.window.length,
            self.window.fails_at,
        )
        return dict(zip(FIGURES, values, strict=True))


def reaches(rows: tuple[Row, ...]) -> tuple[Reach, ...]:
    """One for each task and plan with a score at `BASE_UP_TO` tokens or fewer, which gives the base, and at more."""
    scores: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row.length is not None and row.score is not None:
            scores.setdefault((row.name, row.plan), {})[row.length] = row.score.mean
    return tuple(_reaches(scores))


def windows(found: Iterable[Reach]) -> dict[str, int]:
    """Up to which length each plan holds on all tasks, for those that do not up to the longest that was measured."""
    shortest: dict[str, int] = {}
    for each in found:
        if each.window.fails_at is not None:
            shortest[each.plan] = min(each.window.length, shortest.get(each.plan, each.window.length))
    return shortest


def definition() -> dict[str, float]:
    """What the figures rest on."""
    return {"base_up_to": BASE_UP_TO, "share": SHARE}


def _reaches(scores: Mapping[tuple[str, str], Mapping[int, float]]) -> Iterator[Reach]:
    for (task, plan), by_length in scores.items():
        if min(by_length) <= BASE_UP_TO < max(by_length):
            yield Reach(
                plan=plan,
                task=task,
                longest=max(by_length),
                base=base_score(by_length),
                effective_length=effective_length(by_length),
                window=effective_window(by_length),
            )

"""Scores of tasks with the interval that chance leaves open, and differences on the same samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from longspan.evaluation.metrics.aggregate import MEAN, Aggregate, Numbers

Scores: TypeAlias = Mapping[str, float]
"""Scores by sample."""

Figures: TypeAlias = float | tuple[float, ...]
"""What is kept of a sample: its score, or the figures that the task's score is made from."""

DRAWS = 5_000
CONFIDENCE = 0.95
LEAST_DIFFERING = 6
"""Fewer differing samples cannot show a difference: of n that all point one way, a sign test has p = 2 / 2**n."""

_AT_ONCE = 2_000_000
"""Numbers that are drawn at a time, which bounds the memory."""

_NOTHING = "scores=() has no mean; give at least one sample of every task"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its 95 % interval, from `count` samples.

    low and high are nan where a task has one sample only, since its spread is then unknown. Samples with equal scores
    give an interval without width: it says nothing of samples that were not drawn.
    """

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Difference(Estimate):
    """How much higher one plan scores than another on the samples that both answered; `differing` are not equal."""

    differing: int

    @property
    def sign(self) -> int:
        """1 for higher, -1 for lower, 0 where chance may explain it.

        For more than chance, the interval must leave out 0, and `LEAST_DIFFERING` samples must differ: the interval
        alone is too sure of itself where few do.
        """
        if self.differing < LEAST_DIFFERING:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def mean(scores: Sequence[float], *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """The mean of one task's scores. Raises ValueError if there are none."""
    return mean_of_tasks({"": scores}, seed=seed, draws=draws)


def mean_of_tasks(
    tasks: Mapping[str, Sequence[Figures]],
    aggregates: Mapping[str, Aggregate] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """The mean of the tasks' scores, as RULER's is, with samples drawn anew within each task.

    aggregates: how the figures of a task's samples become its score, the mean for a task that is not in it. A
    percentile bootstrap that draws one sample fewer than a task has (Rao and Wu 1988,
    https://doi.org/10.1080/01621459.1988.10478591), because with as many the interval is too narrow for tasks with few
    samples. It depends on the seed and the scores, not on their order. Raises ValueError if a task has no scores, or
    there is no task.
    """
    joins = aggregates or {}
    groups = [_Group.of(_columns(tasks[task]), joins.get(task, MEAN).join) for task in sorted(tasks)]
    low, high = _interval(groups, seed, draws)
    return Estimate(
        mean=_mean([group.score for group in groups]), low=low, high=high, count=sum(map(len, groups))
    )


def difference(plan: Scores, base: Scores, *, seed: int = 0, draws: int = DRAWS) -> Difference:
    """How much higher `plan` scores than `base` on the samples of one task that both have.

    Raises ValueError if they share none.
    """
    return difference_of_tasks({"": plan}, {"": base}, seed=seed, draws=draws)


def difference_of_tasks(
    plan: Mapping[str, Mapping[str, Figures]],
    base: Mapping[str, Mapping[str, Figures]],
    aggregates: Mapping[str, Aggregate] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Difference:
    """The mean over tasks of the difference on the samples that both have; tasks without such samples are left out.

    aggregates: as for `mean_of_tasks`; both sides of a task are made from the same drawn samples. Raises ValueError if
    no task has any.
    """
    joins = aggregates or {}
    groups, differing = [], 0
    for task in sorted(plan.keys() & base.keys()):
        both = plan[task].keys() & base[task].keys()
        if both:
            ours, theirs = (_columns([scores[task][sample] for sample in both]) for scores in (plan, base))
            groups.append(_Group.of(np.concatenate([ours, theirs]), _apart(joins.get(task, MEAN))))
            differing += int((ours != theirs).any(axis=0).sum())
    low, high = _interval(groups, seed, draws)
    return Difference(
        mean=_mean([group.score for group in groups]),
        low=low,
        high=high,
        count=sum(map(len, groups)),
        differing=differing,
    )


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A task's samples. figures: (figures, samples); join: the task's score from the means of figures."""

    figures: Numbers
    join: Callable[[Numbers], Numbers]

    @classmethod
    def of(cls, figures: Numbers, join: Callable[[Numbers], Numbers]) -> _Group:
        """The samples in an order that does not depend on the order given, by their own scores first."""
        return cls(figures=figures[:, np.lexsort((*figures, join(figures)))], join=join)

    def __len__(self) -> int:
        return int(self.figures.shape[1])

    @property
    def score(self) -> float:
        """Of all samples."""
        return float(self.join(self.figures.mean(axis=1)))

    def drawn(self, random: np.random.Generator, draws: int) -> Numbers:
        """The scores of `draws` draws of samples with replacement."""
        size = len(self) - 1
        step = max(1, _AT_ONCE // size)
        parts = []
        for done in range(0, draws, step):
            picked = random.integers(len(self), size=(min(step, draws - done), size))
            parts.append(self.join(np.stack([row[picked].mean(axis=1) for row in self.figures])))
        return np.concatenate(parts)


def _columns(samples: Sequence[Figures]) -> Numbers:
    """(figures, samples)."""
    if not len(samples):
        raise ValueError(_NOTHING)
    return np.ascontiguousarray(np.asarray(samples, dtype=np.float64).reshape(len(samples), -1).T)


def _apart(aggregate: Aggregate) -> Callable[[Numbers], Numbers]:
    """The difference of two scores, from the figures of the one above those of the other."""
    count = len(aggregate.figures)
    return lambda means: aggregate.join(means[:count]) - aggregate.join(means[count:])


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores))


def _interval(groups: Sequence[_Group], seed: int, draws: int) -> tuple[float, float]:
    if not groups:
        raise ValueError(_NOTHING)
    if min(map(len, groups)) < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    means = np.mean([group.drawn(random, draws) for group in groups], axis=0)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)

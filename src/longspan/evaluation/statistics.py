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
MIN_DIFFERING = 6
"""Fewer differing contexts cannot show a difference: of n that all point one way, a sign test has p = 2 / 2**n."""

_AT_ONCE = 2_000_000
"""Numbers that are drawn at a time, which bounds the memory."""

_EQUAL = 1e-12
"""Scores that lie nearer to each other than this differ by rounding."""

_NOTHING = "scores=() has no mean; give at least one sample of every task"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its 95 % interval, from `count` samples about `contexts` texts.

    low and high are nan where a task has samples about one text only, since its spread is then unknown.
    """

    mean: float
    low: float
    high: float
    count: int
    contexts: int


@dataclass(frozen=True, kw_only=True)
class Difference(Estimate):
    """How much higher one plan scores than another on the samples that both answered.

    differing: contexts on which they do not score the same.
    """

    differing: int

    @property
    def sign(self) -> int:
        """1 for higher, -1 for lower, 0 where chance may explain it.

        For more than chance, the interval must leave out 0, and `MIN_DIFFERING` contexts must differ: the interval
        alone is too sure of itself where few do.
        """
        if self.differing < MIN_DIFFERING:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def mean(
    scores: Sequence[float], contexts: Sequence[str] | None = None, *, seed: int = 0, draws: int = DRAWS
) -> Estimate:
    """The mean of one task's scores. contexts: as for `mean_of_tasks`. Raises ValueError if there are no scores."""
    known = None if contexts is None else {"": contexts}
    return mean_of_tasks({"": scores}, contexts=known, seed=seed, draws=draws)


def mean_of_tasks(
    tasks: Mapping[str, Sequence[Figures]],
    aggregates: Mapping[str, Aggregate] | None = None,
    contexts: Mapping[str, Sequence[str]] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """The mean of the tasks' scores, as RULER's is, with contexts drawn anew within each task.

    aggregates: how the figures of a task's samples become its score, the mean for a task that is not in it. contexts:
    which text each sample is about, each one of its own where a task is not in it. Samples about one text are not
    independent, so texts are drawn, each with all of its samples (a cluster bootstrap). Three things keep the interval
    as wide as it should be for few texts: one less is drawn than there are (Rao and Wu 1988,
    https://doi.org/10.1080/01621459.1988.10478591); how far a draw lies from the mean is scaled as in a t statistic,
    since the spread is estimated too; and where all texts score the same, a draw gives a share that was not seen the
    worst or the best score, which is the rule of three. It depends on the seed and the scores, not on their order.
    Raises ValueError if a task has no scores, or there is no task.
    """
    joins, known = aggregates or {}, contexts or {}
    groups = [
        _Group.of(
            _columns(tasks[task]),
            known.get(task) or _apart_each(len(tasks[task])),
            joins.get(task, MEAN).join,
        )
        for task in sorted(tasks)
    ]
    low, high = _interval(groups, (0.0, 1.0), seed, draws)
    return Estimate(
        mean=_mean([group.score for group in groups]),
        low=low,
        high=high,
        count=sum(group.count for group in groups),
        contexts=sum(map(len, groups)),
    )


def difference(
    plan: Scores,
    base: Scores,
    contexts: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Difference:
    """How much higher `plan` scores than `base` on the samples of one task that both have.

    contexts: by sample, as for `mean_of_tasks`. Raises ValueError if they share none.
    """
    known = None if contexts is None else {"": contexts}
    return difference_of_tasks({"": plan}, {"": base}, contexts=known, seed=seed, draws=draws)


def difference_of_tasks(
    plan: Mapping[str, Mapping[str, Figures]],
    base: Mapping[str, Mapping[str, Figures]],
    aggregates: Mapping[str, Aggregate] | None = None,
    contexts: Mapping[str, Mapping[str, str]] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Difference:
    """The mean over tasks of the difference on the samples that both have; tasks without such samples are left out.

    aggregates and contexts: as for `mean_of_tasks`, contexts by sample; both sides of a task are made from the same
    drawn texts. Raises ValueError if no task has any.
    """
    joins, known = aggregates or {}, contexts or {}
    groups, differing = [], 0
    for task in sorted(plan.keys() & base.keys()):
        both = sorted(plan[task].keys() & base[task].keys())
        if both:
            ours, theirs = (_columns([scores[task][sample] for sample in both]) for scores in (plan, base))
            texts = [known.get(task, {}).get(sample, sample) for sample in both]
            groups.append(_Group.of(np.concatenate([ours, theirs]), texts, _apart(joins.get(task, MEAN))))
            unlike = (ours != theirs).any(axis=0)
            differing += len({text for text, differs in zip(texts, unlike, strict=True) if differs})
    low, high = _interval(groups, (-1.0, 1.0), seed, draws)
    return Difference(
        mean=_mean([group.score for group in groups]),
        low=low,
        high=high,
        count=sum(group.count for group in groups),
        contexts=sum(map(len, groups)),
        differing=differing,
    )


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A task's contexts. sums: (figures, contexts), of the samples of each; sizes: (contexts,), how many these are.

    join: the task's score from the means of figures.
    """

    sums: Numbers
    sizes: Numbers
    join: Callable[[Numbers], Numbers]

    @classmethod
    def of(cls, figures: Numbers, contexts: Sequence[str], join: Callable[[Numbers], Numbers]) -> _Group:
        """figures: (figures, samples). The contexts' order does not depend on the order given."""
        order = np.lexsort((*figures, contexts))
        _, place = np.unique(np.asarray(contexts)[order], return_inverse=True)
        sums = np.stack([np.bincount(place, weights=row[order]) for row in figures]).astype(np.float64)
        sizes = np.bincount(place).astype(np.float64)
        order = np.lexsort((sizes, *sums, join(sums / sizes)))
        return cls(sums=sums[:, order], sizes=sizes[order], join=join)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def count(self) -> int:
        """Of samples."""
        return int(self.sizes.sum())

    @property
    def score(self) -> float:
        """Of all samples."""
        return float(self.join(self.sums.sum(axis=1) / self.sizes.sum()))

    @property
    def equal(self) -> bool:
        """Whether all contexts score the same."""
        return bool(np.ptp(self.join(self.sums / self.sizes)) < _EQUAL)

    def drawn(self, random: np.random.Generator, bounds: tuple[float, float], draws: int) -> Numbers:
        """`draws` scores that the samples leave possible, within the bounds."""
        if self.equal:
            unseen = random.beta(1, len(self), size=draws)
            return np.asarray((1 - unseen) * self.score + unseen * random.choice(bounds, size=draws))
        size = len(self) - 1
        step = max(1, _AT_ONCE // size)
        parts = []
        for done in range(0, draws, step):
            picked = random.integers(len(self), size=(min(step, draws - done), size))
            whole = self.sizes[picked].sum(axis=1)
            parts.append(self.join(np.stack([row[picked].sum(axis=1) / whole for row in self.sums])))
        scale = np.sqrt(size / random.chisquare(size, size=draws))
        return np.asarray(np.clip(self.score + (np.concatenate(parts) - self.score) * scale, *bounds))


def _columns(samples: Sequence[Figures]) -> Numbers:
    """(figures, samples)."""
    if not len(samples):
        raise ValueError(_NOTHING)
    return np.ascontiguousarray(np.asarray(samples, dtype=np.float64).reshape(len(samples), -1).T)


def _apart_each(count: int) -> Sequence[str]:
    """Each sample a context of its own."""
    return [f"{number:09d}" for number in range(count)]


def _apart(aggregate: Aggregate) -> Callable[[Numbers], Numbers]:
    """The difference of two scores, from the figures of the one above those of the other."""
    count = len(aggregate.figures)
    return lambda means: aggregate.join(means[:count]) - aggregate.join(means[count:])


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores))


def _interval(
    groups: Sequence[_Group], bounds: tuple[float, float], seed: int, draws: int
) -> tuple[float, float]:
    if not groups:
        raise ValueError(_NOTHING)
    if min(map(len, groups)) < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    drawn = [group.drawn(random, bounds, draws) for group in groups]
    # What no text has shown can only be worse where all is right: over many such tasks draws would all lie below.
    unseen = [each - group.score for each, group in zip(drawn, groups, strict=True) if group.equal]
    aside = np.median(np.sum(unseen, axis=0)) / len(groups) if unseen else 0.0
    ends = np.quantile(np.mean(drawn, axis=0) - aside, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.clip(ends, *bounds)
    return float(low), float(high)

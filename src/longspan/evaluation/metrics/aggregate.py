"""How the scores of a task's samples become the score of the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A task's score from what is kept of each of its samples.

    figures: names in what `Task.score` gives. join: the score, (...), from the means of these figures over the
    samples, (figures, ...).
    """

    figures: tuple[str, ...]
    join: Callable[[Numbers], Numbers]


def micro_f1(counts: Numbers) -> Numbers:
    """F1 of true positives, false positives and false negatives, (3, ...): 1 where nothing was there to be found."""
    right, wrong, missed = counts
    named = np.asarray(2 * right + wrong + missed)
    return np.asarray(np.divide(2 * right, named, out=np.ones_like(named), where=named > 0))


def inverse_perplexity(losses: Numbers) -> Numbers:
    """1/perplexity, the geometric mean of the tokens' probabilities, from nats and number of tokens, (2, ...)."""
    nats, tokens = losses
    return np.asarray(np.exp(-nats / tokens))


def ratio(counts: Numbers) -> Numbers:
    """What was found of all that there was to find, from both, (2, ...); 0 where there was nothing."""
    found, wanted = counts
    return np.asarray(np.divide(found, wanted, out=np.zeros_like(found), where=wanted > 0))


def _only(scores: Numbers) -> Numbers:
    return np.asarray(scores[0])


MEAN = Aggregate(figures=("score",), join=_only)

AGGREGATES: Mapping[str, Aggregate] = {
    "mean": MEAN,
    "micro-f1": Aggregate(figures=("tp", "fp", "fn"), join=micro_f1),
    "ratio": Aggregate(figures=("found", "wanted"), join=ratio),
    "perplexity": Aggregate(figures=("nats", "tokens"), join=inverse_perplexity),
}
"""What `Task.aggregate` may name."""

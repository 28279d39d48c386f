"""Metrics with a name, by which a user's own task asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from longspan import brought
from longspan.evaluation.metrics.amounts import same_amount
from longspan.evaluation.metrics.letters import choice
from longspan.evaluation.metrics.rouge import rouge_l
from longspan.evaluation.metrics.ruler import any_matched, share_matched
from longspan.evaluation.metrics.text import best, contains, exact, f1, f1_chinese
from longspan.evaluation.task import TaskError


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How an answer is scored against what counts as right.

    score: a number from 0 to 1 from the answer and the references, of which there is at least one; it should be a
    function of these alone, so that kept answers can be scored again. What it raises leaves that answer unscored, with
    the reason. words: what it scores, in words, as in "the answer is a reference, both normalised".
    """

    score: Callable[[str, Sequence[str]], float]
    words: str


METRICS: Mapping[str, Metric] = {
    name: Metric(score=score, words=words)
    for name, score, words in (
        ("contains", partial(best, contains), "a reference stands in the answer, both normalised"),
        ("exact", partial(best, exact), "the answer is a reference, both normalised"),
        ("f1", partial(best, f1), "F1 of the normalised words, with the best reference"),
        (
            "f1-characters",
            partial(best, f1_chinese),
            "F1 of the characters, for Chinese and the like, with the best reference",
        ),
        ("rouge-l", partial(best, rouge_l), "ROUGE-L F with the best reference"),
        ("any", any_matched, "a reference stands in the answer, but for case"),
        ("all", share_matched, "the share of the references that stand in the answer, but for case"),
        ("choice", partial(best, choice), "the answer chooses the letter of a reference"),
        ("number", partial(best, same_amount), "the answer names the number of a reference"),
    )
}
"""Longspan's own, by name."""

BROUGHT = brought.Kind(
    group="longspan.metrics",
    what="metric",
    own=lambda: METRICS,
    read=brought.instance(Metric),
    error=TaskError,
)
"""Metrics that packages bring, each announced by its name as a `Metric`."""


def metric_names() -> tuple[str, ...]:
    """The names of all metrics."""
    return (*METRICS, *BROUGHT.names)


def find_metric(name: str) -> Metric:
    """The metric called `name`, one of `metric_names()`."""
    return METRICS[name] if name in METRICS else BROUGHT.load(name)

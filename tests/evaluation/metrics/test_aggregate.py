"""How the samples' figures become the score of a task, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.catalogue import tasks
from longspan.evaluation.metrics.aggregate import AGGREGATES, inverse_perplexity, micro_f1


def test_micro_f1_counts_over_all():
    """1 of 1 right in one sample, 0 of 3 in another: 2·1 / (2·1 + 1 + 2), not the mean of 1 and 0."""
    samples = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    assert micro_f1(samples.mean(axis=0)) == pytest.approx(0.4)
    assert micro_f1(samples.T) == pytest.approx([1, 0])


def test_nothing_found_where_nothing_was_is_right():
    assert micro_f1(np.zeros(3)) == 1


def test_perplexity_is_over_all_tokens():
    """One token with probability 1/2, three with 1/8: (1/2 · 1/8³)^(1/4)."""
    samples = np.array([[math.log(2), 1], [3 * math.log(8), 3]])
    assert inverse_perplexity(samples.mean(axis=0)) == pytest.approx((1 / 2 / 8**3) ** 0.25)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any))
def test_micro_f1_is_the_harmonic_mean_of_precision_and_recall(counts):
    right, wrong, missed = counts
    found = micro_f1(np.array(counts, dtype=np.float64))
    if right:
        precision, recall = right / (right + wrong), right / (right + missed)
        assert found == pytest.approx(2 / (1 / precision + 1 / recall))
    else:
        assert found == 0


def test_every_task_names_one_that_there_is():
    found = {task.name: task.aggregate for task in tasks()}
    assert set(found.values()) == set(AGGREGATES)
    assert found["liconbench/few-nerd"] == "micro-f1"
    assert found["perplexity/full"] == "perplexity"
    assert found["longins/gist"] == "mean"  # as the authors score it: the mean of the samples' F1

"""Means with intervals, and paired differences."""

import math
import tracemalloc
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation import statistics
from longspan.evaluation.metrics.aggregate import AGGREGATES
from longspan.evaluation.statistics import difference, difference_of_tasks, mean, mean_of_tasks

scores = st.lists(st.integers(0, 100).map(lambda percent: percent / 100), min_size=2, max_size=25)
by_task = st.dictionaries(st.text(max_size=3), scores, min_size=1, max_size=5)


def test_a_mean_by_hand():
    found = mean([1.0, 0.0, 0.5, 0.5, 1.0])
    assert found.mean == pytest.approx(0.6)
    assert found.count == 5


def test_two_samples_leave_open_all_between_them():
    """One of them is drawn at a time, so the means are the samples themselves."""
    found = mean([0.2, 0.7])
    assert (found.low, found.high) == (0.2, 0.7)


def test_the_interval_of_right_and_wrong_is_that_of_the_binomial_distribution():
    """31 samples, 20 right: 30 are drawn, each right with 20/31."""
    found = mean([1.0] * 20 + [0.0] * 11)
    share = 20 / 31
    below = np.cumsum([comb(30, right) * share**right * (1 - share) ** (30 - right) for right in range(31)])
    assert found.low == np.argmax(below >= 0.025) / 30
    assert found.high == np.argmax(below >= 0.975) / 30


def test_the_mean_of_tasks_does_not_count_samples():
    found = mean_of_tasks({"few": [1.0, 1.0], "many": [0.0] * 98})
    assert found.mean == 0.5
    assert found.count == 100


def test_samples_are_drawn_within_their_task():
    """Neither task varies, so nor does their mean, however different they are."""
    found = mean_of_tasks({"easy": [1.0] * 10, "hard": [0.0] * 10})
    assert (found.low, found.high) == (0.5, 0.5)


def test_one_sample_has_no_spread_to_tell():
    assert math.isnan(mean([1.0]).low)
    assert math.isnan(mean_of_tasks({"a": [1.0], "b": [0.0, 1.0, 1.0]}).high)


@pytest.mark.parametrize("tasks", [{}, {"a": []}, {"a": [1.0], "b": []}])
def test_no_scores_have_no_mean(tasks):
    with pytest.raises(ValueError, match="at least one sample"):
        mean_of_tasks(tasks)


@given(by_task)
def test_an_interval_lies_between_the_extremes(tasks):
    found = mean_of_tasks(tasks, draws=200)
    low = np.mean([min(each) for each in tasks.values()])
    high = np.mean([max(each) for each in tasks.values()])
    assert low - 1e-9 <= found.low <= found.high <= high + 1e-9
    assert low - 1e-9 <= found.mean <= high + 1e-9


@given(by_task, st.randoms())
def test_the_order_of_samples_and_tasks_changes_nothing(tasks, random):
    mixed = list(tasks.items())
    random.shuffle(mixed)
    shuffled = {task: random.sample(each, len(each)) for task, each in mixed}
    assert mean_of_tasks(tasks, draws=200) == mean_of_tasks(shuffled, draws=200)


@given(scores, st.floats(-1, 1))
def test_an_interval_moves_with_its_scores(values, shift):
    still, moved = mean(values, draws=200), mean([value + shift for value in values], draws=200)
    assert (moved.mean, moved.low, moved.high) == pytest.approx(
        (still.mean + shift, still.low + shift, still.high + shift), abs=1e-9
    )


def test_the_interval_holds_the_true_mean_as_often_as_it_says():
    """Also for a few samples of several tasks, where drawing as many as there are would be too sure."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        tasks = {str(task): list(random.normal(task, 1, size=5)) for task in range(6)}
        found = mean_of_tasks(tasks, draws=400)
        held += found.low <= 2.5 <= found.high
    assert 0.91 <= held / 300 <= 0.98


def test_many_samples_take_little_memory():
    values = np.linspace(0, 1, 20_000)
    tracemalloc.start()
    try:
        mean(values, draws=1_000)  # 160 MB of indices if they were drawn at once
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 60e6


def test_a_difference_is_taken_on_the_samples_of_both():
    found = difference({"1": 1.0, "2": 1.0, "3": 0.0}, {"2": 0.0, "3": 0.5, "4": 1.0})
    assert found.mean == pytest.approx((1.0 - 0.5) / 2)
    assert (found.count, found.differing) == (2, 2)


def test_tasks_that_share_no_sample_are_left_out():
    plan = {"a": {"1": 1.0}, "b": {"1": 1.0, "2": 0.0}, "c": {"1": 1.0}}
    base = {"a": {"2": 0.0}, "b": {"1": 0.0, "2": 0.0}}
    found = difference_of_tasks(plan, base)
    assert found.mean == 0.5
    assert found.count == 2


def test_plans_that_share_nothing_have_no_difference():
    with pytest.raises(ValueError, match="at least one sample"):
        difference({"1": 1.0}, {"2": 1.0})


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=2, max_size=30))
def test_a_plan_does_not_differ_from_itself(values):
    found = difference(values, values, draws=100)
    assert (found.mean, found.low, found.high, found.sign, found.differing) == (0, 0, 0, 0, 0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_a_difference_the_other_way_round_has_the_other_sign(pairs):
    plan = {str(place): pair[0] for place, pair in enumerate(pairs)}
    base = {str(place): pair[1] for place, pair in enumerate(pairs)}
    there, back = difference(plan, base, draws=100), difference(base, plan, draws=100)
    assert there.mean == pytest.approx(-back.mean, abs=1e-9)
    assert there.differing == back.differing


@pytest.mark.parametrize(
    ("worse", "sign"),
    [(statistics.LEAST_DIFFERING - 1, 0), (statistics.LEAST_DIFFERING, -1), (20, -1)],
)
def test_few_differing_samples_show_nothing(worse, sign):
    base = {str(number): 1.0 for number in range(20)}
    plan = {str(number): 0.0 if number < worse else 1.0 for number in range(20)}
    assert difference(plan, base).sign == sign
    assert difference(base, plan).sign == -sign


def test_as_many_gains_as_losses_show_nothing():
    base = {str(number): float(number % 2) for number in range(40)}
    plan = {sample: 1 - score for sample, score in base.items()}
    assert difference(plan, base).sign == 0


def test_pairs_tell_more_than_two_means():
    """A small loss on every sample is seen, although samples differ much more than plans."""
    random = np.random.default_rng(0)
    base = {str(number): float(value) for number, value in enumerate(random.uniform(0.1, 1, size=30))}
    plan = {sample: score - 0.05 for sample, score in base.items()}
    assert difference(plan, base).sign == -1
    assert mean(list(plan.values())).high > mean(list(base.values())).low


MICRO = {"a": AGGREGATES["micro-f1"]}
counts = st.lists(st.tuples(*[st.integers(0, 9).map(float)] * 3), min_size=2, max_size=12)


def test_a_score_over_all_samples_by_hand():
    """Drawn one at a time, two samples leave open what each alone gives; together their counts are added."""
    found = mean_of_tasks({"a": [(1.0, 0.0, 0.0), (0.0, 1.0, 2.0)]}, MICRO)
    assert found.mean == pytest.approx(0.4)
    assert (found.low, found.high, found.count) == (0, 1, 2)


def test_tasks_with_different_aggregates_are_averaged():
    found = mean_of_tasks({"a": [(1.0, 0.0, 0.0), (0.0, 1.0, 2.0)], "b": [1.0, 0.5]}, MICRO)
    assert found.mean == pytest.approx((0.4 + 0.75) / 2)


def test_the_bootstrap_joins_each_draw_anew():
    """Against a naive twin that draws samples, adds their counts and takes F1."""
    random = np.random.default_rng(3)
    samples = [tuple(map(float, each)) for each in random.integers(0, 6, size=(15, 3))]
    drawn = []
    for _ in range(4000):
        right, wrong, missed = np.sum([samples[place] for place in random.integers(15, size=14)], axis=0)
        drawn.append(2 * right / (2 * right + wrong + missed))
    found = mean_of_tasks({"a": samples}, MICRO)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.01)


@given(counts, st.randoms())
def test_the_order_of_counts_changes_nothing(samples, random):
    mixed = random.sample(samples, len(samples))
    assert mean_of_tasks({"a": samples}, MICRO, draws=100) == mean_of_tasks({"a": mixed}, MICRO, draws=100)


def test_a_difference_of_scores_over_all_samples_by_hand():
    plan = {"a": {"1": (1.0, 0.0, 0.0), "2": (0.0, 1.0, 2.0), "3": (9.0, 0.0, 0.0)}}
    base = {"a": {"1": (1.0, 0.0, 0.0), "2": (2.0, 0.0, 0.0), "4": (0.0, 9.0, 9.0)}}
    found = difference_of_tasks(plan, base, MICRO)
    assert found.mean == pytest.approx(0.4 - 1)
    assert (found.count, found.differing) == (2, 1)


@given(counts)
def test_counts_do_not_differ_from_themselves(samples):
    scores = {"a": {str(place): each for place, each in enumerate(samples)}}
    found = difference_of_tasks(scores, scores, MICRO, draws=100)
    assert (found.mean, found.low, found.high, found.differing) == (0, 0, 0, 0)

"""Means with intervals, and paired differences."""

import math
import tracemalloc

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


def test_two_samples_leave_open_more_than_lies_between_them():
    """One is drawn at a time, so the means are the samples, spread as by Student's t with one degree of freedom."""
    found = mean([0.5, 0.52])
    half = 0.01 * abs(np.quantile(np.random.default_rng(0).standard_cauchy(200_000), 0.025))
    assert 0.5 - 0.5 * half > found.low > 0.51 - 3 * half
    assert found.high - 0.51 == pytest.approx(0.51 - found.low, rel=0.2)


def test_the_interval_is_that_of_a_naive_bootstrap():
    """Contexts of unequal size, drawn one by one; each draw's distance by the spread of as many normal numbers."""
    random = np.random.default_rng(7)
    sizes = random.integers(1, 6, size=12)
    texts = [list(random.uniform(0.2, 0.8, size=size)) for size in sizes]
    scores = [score for text in texts for score in text]
    names = [str(number) for number, text in enumerate(texts) for _ in text]
    centre, drawn = np.mean(scores), []
    for _ in range(3000):
        picked = [score for place in random.integers(12, size=11) for score in texts[place]]
        spread = math.sqrt(sum(random.normal() ** 2 for _ in range(11)) / 11)
        drawn.append(centre + (np.mean(picked) - centre) / spread)
    found = mean(scores, names)
    assert found.mean == pytest.approx(centre)
    assert (found.count, found.contexts) == (len(scores), 12)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.01)


def test_the_mean_of_tasks_does_not_count_samples():
    found = mean_of_tasks({"few": [1.0, 1.0], "many": [0.0] * 98})
    assert found.mean == 0.5
    assert found.count == 100


def test_samples_are_drawn_within_their_task():
    """Neither task varies, so the mean varies little, however different they are."""
    found = mean_of_tasks({"easy": [1.0] * 100, "hard": [0.0] * 100})
    assert found.mean == 0.5
    assert 0.47 < found.low < 0.5 < found.high < 0.53


@pytest.mark.parametrize("count", [4, 20, 60])
def test_equal_scores_leave_open_what_the_rule_of_three_says(count):
    right, wrong, between = (mean([score] * count) for score in (1.0, 0.0, 2 / 3))
    unseen = 1 - 0.05 ** (1 / count)  # as likely as 1 in 20 that so much was missed by all of them
    assert (right.low, right.high) == pytest.approx((1 - unseen, 1), abs=0.03)
    assert (wrong.low, wrong.high) == pytest.approx((0, unseen), abs=0.03)
    assert between.low == pytest.approx(2 / 3 * (1 - unseen), abs=0.03)
    assert between.high == pytest.approx(2 / 3 * (1 - unseen) + unseen, abs=0.03)


def test_many_tasks_without_a_fault_may_be_without_fault():
    found = mean_of_tasks({str(task): [1.0] * 6 for task in range(13)})
    assert 0.9 < found.low < 0.97  # 78 of 78 right leave open 0.962, were they of one task
    assert found.mean == found.high == 1


def test_samples_about_one_text_count_as_one():
    one = mean([0.1, 0.9, 0.4, 0.6, 0.3])
    five = mean([0.1, 0.9, 0.4, 0.6, 0.3] * 8, ["a", "b", "c", "d", "e"] * 8)
    assert (five.low, five.high) == pytest.approx((one.low, one.high))
    assert (five.count, five.contexts) == (40, 5)
    assert math.isnan(mean([0.0, 1.0, 1.0], ["same"] * 3).low)


def test_one_sample_has_no_spread_to_tell():
    assert math.isnan(mean([1.0]).low)
    assert math.isnan(mean_of_tasks({"a": [1.0], "b": [0.0, 1.0, 1.0]}).high)


@pytest.mark.parametrize("tasks", [{}, {"a": []}, {"a": [1.0], "b": []}])
def test_no_scores_have_no_mean(tasks):
    with pytest.raises(ValueError, match="at least one sample"):
        mean_of_tasks(tasks)


@given(by_task)
def test_an_interval_has_a_width_and_lies_within_the_scores_that_there_are(tasks):
    found = mean_of_tasks(tasks, draws=200)
    assert 0 <= found.low < found.high <= 1
    assert 0 <= found.mean <= 1


@given(by_task, st.randoms())
def test_the_order_of_samples_and_tasks_changes_nothing(tasks, random):
    mixed = list(tasks.items())
    random.shuffle(mixed)
    shuffled = {task: random.sample(each, len(each)) for task, each in mixed}
    assert mean_of_tasks(tasks, draws=200) == mean_of_tasks(shuffled, draws=200)


@pytest.mark.parametrize(("texts", "each"), [(10, 5), (5, 8)])
def test_the_interval_holds_the_true_mean_as_often_as_it_says(texts, each):
    """Of questions about few texts, some easy and some hard; as if all were independent it would not."""
    random = np.random.default_rng(1)
    held, naive = 0, 0
    names = [str(text) for text in range(texts) for _ in range(each)]
    for _ in range(150):
        easy = random.beta(2, 1, size=texts)
        scores = [float(random.random() < share) for share in easy for _ in range(each)]
        found, apart = (mean(scores, known, draws=200) for known in (names, None))
        held += found.low <= 2 / 3 <= found.high
        naive += apart.low <= 2 / 3 <= apart.high
    assert 0.88 <= held / 150 <= 0.985
    assert naive / 150 < 0.88


def test_the_interval_of_a_mean_of_tasks_holds_it_too():
    random = np.random.default_rng(1)
    held = 0
    for _ in range(150):
        tasks = {str(task): list(random.normal(0.1 * task + 0.2, 0.05, size=5)) for task in range(6)}
        found = mean_of_tasks(tasks, draws=200)
        held += found.low <= 0.45 <= found.high
    assert held / 150 >= 0.93


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
    assert (found.mean, found.sign, found.differing) == (0, 0, 0)
    assert found.low < 0 < found.high


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_a_difference_the_other_way_round_has_the_other_sign(pairs):
    plan = {str(place): pair[0] for place, pair in enumerate(pairs)}
    base = {str(place): pair[1] for place, pair in enumerate(pairs)}
    there, back = difference(plan, base, draws=100), difference(base, plan, draws=100)
    assert there.mean == pytest.approx(-back.mean, abs=1e-9)
    assert there.differing == back.differing


@pytest.mark.parametrize(
    ("worse", "sign"),
    [(statistics.MIN_DIFFERING - 1, 0), (statistics.MIN_DIFFERING, -1), (20, -1)],
)
def test_few_differing_samples_show_nothing(worse, sign):
    base = {str(number): 1.0 for number in range(20)}
    plan = {str(number): 0.0 if number < worse else 1.0 for number in range(20)}
    assert difference(plan, base).sign == sign
    assert difference(base, plan).sign == -sign


def test_six_questions_about_one_text_show_nothing():
    base = {str(number): 1.0 for number in range(30)}
    plan = base | {str(number): 0.0 for number in range(15)}
    about = {sample: str(int(sample) // 5) for sample in base}
    assert difference(plan, base).sign == -1
    found = difference(plan, base, about)
    assert (found.differing, found.sign, found.contexts) == (3, 0, 6)


def test_as_many_gains_as_losses_show_nothing():
    base = {str(number): float(number % 2) for number in range(40)}
    plan = {sample: 1 - score for sample, score in base.items()}
    assert difference(plan, base).sign == 0


def test_pairs_tell_more_than_two_means():
    """A small loss on every sample is seen, although samples differ much more than plans."""
    random = np.random.default_rng(0)
    base = {str(number): float(value) for number, value in enumerate(random.uniform(0.1, 1, size=30))}
    plan = {sample: score - random.uniform(0.04, 0.06) for sample, score in base.items()}
    assert difference(plan, base).sign == -1
    assert mean(list(plan.values())).high > mean(list(base.values())).low


MICRO = {"a": AGGREGATES["micro-f1"]}
counts = st.lists(st.tuples(*[st.integers(0, 9).map(float)] * 3), min_size=2, max_size=12)


def test_a_score_over_all_samples_by_hand():
    """Two samples leave open all; together their counts are added."""
    found = mean_of_tasks({"a": [(1.0, 0.0, 0.0), (0.0, 1.0, 2.0)]}, MICRO)
    assert found.mean == pytest.approx(0.4)
    assert (found.low, found.high, found.count) == (0, 1, 2)


def test_tasks_with_different_aggregates_are_averaged():
    found = mean_of_tasks({"a": [(1.0, 0.0, 0.0), (0.0, 1.0, 2.0)], "b": [1.0, 0.5]}, MICRO)
    assert found.mean == pytest.approx((0.4 + 0.75) / 2)


def test_the_bootstrap_joins_each_draw_anew():
    """Against a naive twin that draws samples, adds their counts, takes F1 and scales the distance."""
    random = np.random.default_rng(3)
    samples = [tuple(map(float, each)) for each in random.integers(0, 6, size=(15, 3))]
    drawn, all_counts = [], np.sum(samples, axis=0)
    centre = 2 * all_counts[0] / (2 * all_counts[0] + all_counts[1] + all_counts[2])
    for _ in range(2500):
        right, wrong, missed = np.sum([samples[place] for place in random.integers(15, size=14)], axis=0)
        spread = math.sqrt(random.chisquare(14) / 14)
        drawn.append(centre + (2 * right / (2 * right + wrong + missed) - centre) / spread)
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
    assert (found.mean, found.differing) == (0, 0)
    assert found.low < 0 < found.high

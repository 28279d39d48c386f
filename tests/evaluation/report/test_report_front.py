"""Who is on the front, on which samples plans are compared, and what is said about it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import record

from longspan.evaluation.report.front import AXES, pareto, standings
from longspan.evaluation.report.summary import findings

figures = st.integers(0, 8).map(float)


@given(st.lists(st.tuples(figures, figures), max_size=15))
def test_the_front_is_all_that_nothing_dominates(points):
    def dominated(point):
        return any(
            other[0] <= point[0] and other[1] >= point[1] and other != point  # one of the two is then strict
            for other in points
        )

    found = pareto([cost for cost, _ in points], [quality for _, quality in points])
    assert sorted(found) == [place for place, point in enumerate(points) if not dominated(point)]
    assert [points[place] for place in found] == sorted(points[place] for place in found)


def test_plans_are_compared_on_samples_that_all_of_them_answered(answers_of):
    found = answers_of(
        *(record(str(number), float(number < 3)) for number in range(4)),
        *(record(str(number), 1.0, plan="b", prefill_seconds=2.0, decode_seconds=1.0) for number in range(3)),
        record("3", None, plan="b"),
    )
    (standing,) = standings(found)
    first, second = standing.points
    assert (standing.samples, standing.tasks, standing.left_out) == (3, ("f/t",), ())
    assert (
        first.score.mean == second.score.mean == 1.0
    )  # the sample that b did not answer is not held against it
    assert (second.seconds, second.difference.mean) == (3.0, 0.0)
    assert standing.first == first


def test_a_plan_that_answered_little_is_left_out_and_named(answers_of):
    found = answers_of(
        *(record(str(number), None if number else 1.0) for number in range(5)),
        *(record(str(number), 0.5, plan="b") for number in range(5)),
    )
    (standing,) = standings(found)
    assert [point.plan for point in standing.points] == ["b"]
    assert (standing.left_out, standing.first, standing.samples) == (("",), None, 5)
    assert standing.points[0].difference is None
    (finding,) = findings((standing,))
    assert (
        "Left out, because fewer than half of the samples were answered: `no plan (full cache)`."
        in finding.sentences
    )


def test_plans_that_share_nothing_are_not_compared(answers_of):
    assert standings(answers_of(record("1"), record("2", plan="b"))) == ()


def test_a_cost_that_was_not_measured_has_no_front(answers_of):
    alone = answers_of(record(kv_bytes=0, peak_kv_bytes=0, decode_seconds=1.0), plans=[""])
    (standing,) = standings(alone)
    assert [len(standing.front(axis)) for axis in AXES] == [0, 0, 1]
    (finding,) = findings((standing,))
    assert finding.sentences == ("`no plan (full cache)` scores 100.0 in 1.00 s an answer.",)


@pytest.fixture
def said(answers_of):
    """What is said of two plans, from the scores of both and the bytes of the second; the first holds 4,096."""

    def say(first, second, held, peak=4096):
        found = answers_of(
            *(record(str(n), score, kv_bytes=4096, peak_kv_bytes=4096) for n, score in enumerate(first)),
            *(
                record(str(n), score, plan="b", kv_bytes=held, peak_kv_bytes=peak)
                for n, score in enumerate(second)
            ),
        )
        (finding,) = findings(standings(found))
        return finding

    return say


def test_a_cheaper_plan_that_is_as_good_is_recommended(said):
    finding = said([0.5] * 60, [0.5] * 60, 1024)
    assert (
        "Least memory within 5 points: `b` holds 1.00 KiB, 25 % of `no plan (full cache)`, but up to 4.00 KiB while it "
        "reads, with the same score on every sample." in finding.sentences
    )
    assert [(cost, point.plan) for cost, point in finding.best] == [("1.00 KiB", "b")]


def test_few_samples_do_not_show_that_a_plan_is_as_good(said):
    finding = said([0.5] * 59, [0.5] * 59, 1024)
    assert any(
        "No plan that holds less memory is shown to stay within 5 points" in each
        for each in finding.sentences
    )


def test_a_cheaper_plan_that_may_be_much_worse_is_not_recommended(said):
    finding = said([1.0] * 60, [1.0] * 57 + [0.0] * 3, 1024, 1024)
    (sentence,) = (each for each in finding.sentences if "memory is shown" in each)
    assert sentence.startswith("No plan that holds less memory is shown to stay within 5 points of it; ")
    assert re.search(
        r"the nearest is `b`; −5\.0 points \(−1\d\.\d to 0\.0\), which chance may explain\.$", sentence
    )
    assert [(cost, point.plan) for cost, point in finding.best] == [("1.00 KiB", "b"), ("4.00 KiB", "")]


def test_a_better_plan_is_named_first(said):
    finding = said([0.0] * 10, [1.0] * 10, 8192)
    (sentence,) = (each for each in finding.sentences if "scores highest" in each)
    assert re.fullmatch(
        r"`b` scores highest: 100\.0 \(7\d\.\d–100\.0\); \+100\.0 points \(\+[45]\d\.\d to \+100\.0\)\.",
        sentence,
    )
    assert "No plan holds less memory than `no plan (full cache)`." in finding.sentences


def test_each_length_has_its_standing(answers):
    found = standings(answers)
    assert [standing.length for standing in found] == [4096, 8192, 16384, 32768]
    assert [len(standing.tasks) for standing in found] == [14, 1, 14, 1]
    assert [len(standing.points) for standing in found] == [6, 6, 6, 5]
    assert found[3].left_out == ("",)

"""Score by length and by depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import PLANS, record

from longspan.evaluation.report.curves import (
    MAX_DEPTHS,
    by_depth,
    by_length,
    by_length_of_each,
    heat_maps,
    placed,
)


def test_tasks_with_the_same_lengths_are_one_chart(answers):
    ruler, needle = by_length(answers)
    assert ruler.title == "ruler, mean of 13 tasks"
    assert ruler.places == (4096, 16384)
    assert needle.title == "needle"
    assert needle.places == (4096, 8192, 16384, 32768)
    assert [curve.plan for curve in needle.curves] == list(PLANS)
    assert 32768 not in needle.curves[0].scores  # too long for the first plan
    assert len(by_length_of_each(answers)) == 14


def test_a_plan_has_a_place_only_where_it_has_all_tasks(answers_of):
    found = answers_of(
        *(record(task=task, length=length) for task in ("f/a", "f/b") for length in (1024, 2048)),
        *(record(task="f/a", length=length, plan="b", score=0.0) for length in (1024, 2048)),
        record(task="f/b", length=1024, plan="b", score=0.5),
    )
    (chart,) = by_length(found)
    assert {place: score.mean for place, score in chart.curves[0].scores.items()} == {1024: 1.0, 2048: 1.0}
    assert {place: score.mean for place, score in chart.curves[1].scores.items()} == {1024: 0.25}


def test_one_length_is_no_curve(answers_of):
    assert by_length(answers_of(record("1"), record("2", length=None))) == ()


def test_depths_by_hand(answers_of):
    def needle(sample, depth, length, plan, score):
        return record(sample, score, facts={"depth": depth}, length=length, plan=plan, task="needle/x")

    found = answers_of(
        needle("1", 0.0, 1024, "", 1.0),
        needle("1", 0.0, 2048, "", 0.0),
        needle("2", 0.5, 1024, "", 1.0),
        needle("2", 0.5, 2048, "", None),
        needle("1", 0.0, 1024, "b", 0.0),
        needle("1", 0.0, 2048, "b", 0.0),
        needle("2", 0.5, 1024, "b", 0.5),
        needle("2", 0.5, 2048, "b", 0.0),
    )
    (chart,) = by_depth(found)
    scores = {
        curve.plan: {depth: score.mean for depth, score in curve.scores.items()} for curve in chart.curves
    }
    assert scores == {"": {0.0: 1.0, 0.5: 1.0}, "b": {0.0: 0.0, 0.5: 0.5}}
    assert chart.title == "needle/x, 1,024 tokens"  # at the other, one depth was answered by both
    ((name, (first, second)),) = heat_maps(found)
    assert (name, first.depths, first.lengths) == ("needle/x", (0.0, 0.5), (1024, 2048))
    assert first.cells == {(0.0, 1024): (1.0, 1), (0.0, 2048): (0.0, 1), (0.5, 1024): (1.0, 1)}
    assert second.cells[0.5, 2048] == (0.0, 1)


@pytest.mark.parametrize("depth", [None, "deep", [0.1, 0.9], True, 1.5, -0.1])
def test_facts_that_are_no_depth_make_no_chart(answers_of, depth):
    found = answers_of(record("1", facts={"depth": depth}), record("2", facts={"depth": depth}))
    assert by_depth(found) == heat_maps(found) == ()


def test_one_length_makes_no_map(answers_of):
    found = answers_of(*(record(str(n), facts={"depth": n / 4}) for n in range(5)))
    assert len(by_depth(found)) == 1
    assert heat_maps(found) == ()


@given(st.lists(st.floats(0, 1), max_size=60))
def test_depths_stay_near_their_place(depths):
    found = placed(depths)
    assert len(set(found)) <= MAX_DEPTHS
    assert all(abs(place - depth) <= 0.0501 for place, depth in zip(found, depths, strict=True))
    if len({round(depth, 3) for depth in depths}) <= MAX_DEPTHS:
        assert all(abs(place - depth) <= 0.0005001 for place, depth in zip(found, depths, strict=True))

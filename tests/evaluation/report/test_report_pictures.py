"""The pictures as SVG: what is in them, and that they leave nothing behind."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.evaluation.report import pictures
from longspan.evaluation.report.curves import Chart, Curve, HeatMap, by_depth, by_length, heat_maps
from longspan.evaluation.report.front import AXES, Point, Standing, standings
from longspan.evaluation.statistics import Estimate, mean

PLANS = tuple("abcdefgh")


def parsed(svg):
    return ElementTree.fromstring(svg)  # noqa: S314


def texts(svg):
    """The texts of a picture with their places."""
    return [(each.text, float(each.get("x")), float(each.get("y"))) for each in parsed(svg).iter("text")]


def letters(svg):
    return [each for each in texts(svg) if each[0] in "ABCDEFGH"]


def size(svg):
    _, _, width, height = map(float, parsed(svg).get("viewBox").split())
    return width, height


def chart(*scores, places=(1024.0, 2048.0)):
    """Each plan has the same score at all places."""
    return Chart(
        title="chart",
        curves=tuple(
            Curve(plan=plan, scores={place: mean([score, score]) for place in places})
            for plan, score in zip(PLANS, scores, strict=False)
        ),
    )


def standing(*points):
    """Plans with a score and a number of bytes."""
    return Standing(
        length=1024,
        base="a",
        tasks=("f/t",),
        samples=2,
        left_out=(),
        points=tuple(
            Point(
                plan=plan,
                score=Estimate(
                    mean=score, low=max(0, score - 0.1), high=min(1, score + 0.1), count=2, contexts=9
                ),
                difference=None,
                kv_bytes=cost,
                peak_kv_bytes=None,
                prefill_seconds=0.0,
                compress_seconds=0.0,
                decode_seconds=0.0,
            )
            for plan, (score, cost) in zip(PLANS, points, strict=False)
        ),
    )


@pytest.fixture(scope="module")
def drawn(answers):
    """Every kind of picture, of the synthetic run."""
    first = standings(answers)[0]
    return {
        **{axis.name: pictures.quality_against(first, axis, answers.plans, axis.name) for axis in AXES},
        "lengths": pictures.over_lengths(by_length(answers)[0], answers.plans, "lengths"),
        "depths": pictures.over_depths(by_depth(answers)[0], answers.plans, "depths"),
        "heat": pictures.heat_map(heat_maps(answers)[0][1][0], "heat"),
    }


def test_a_picture_takes_its_colours_and_letters_from_the_page(drawn):
    for name, svg in drawn.items():
        assert not re.search(r"#[0-9a-f]{6}", svg), name
        assert set(re.findall(r"font-family: ([^;\"]*)", svg)) == {"inherit"}, name
        assert "<style" not in svg, name
        assert parsed(svg).get("aria-label").startswith("Score"), name


def test_pictures_share_no_names_and_refer_to_their_own(drawn):
    every = [name for svg in drawn.values() for name in re.findall(r'\bid="([^"]*)"', svg)]
    assert len(set(every)) == len(every)
    for svg in drawn.values():
        own = set(re.findall(r'\bid="([^"]*)"', svg))
        assert set(re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', svg)) <= {
            *((name, "") for name in own),
            *(("", name) for name in own),
        }


def test_the_same_run_gives_the_same_picture(answers, drawn):
    again = pictures.quality_against(standings(answers)[0], AXES[0], answers.plans, AXES[0].name)
    assert again == drawn["kv_bytes"]


def test_drawing_leaves_the_settings_of_matplotlib_alone(answers):
    before = dict(mpl.rcParams)
    pictures.over_lengths(by_length(answers)[0], answers.plans, "again")
    assert dict(mpl.rcParams) == before


def test_dots_on_the_front_are_filled():
    points = ((0.9, 4e6), (0.8, 1e6), (0.5, 2e6))
    svg = pictures.quality_against(standing(*points), AXES[0], PLANS, "front")
    fills = re.findall(r"<use [^>]*fill: var\(--([\w-]+)\); stroke: var\(--(plan-\d)\)", svg)
    assert fills == [("plan-0", "plan-0"), ("plan-1", "plan-1"), ("page", "plan-2")]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1, 1e10)), min_size=1, max_size=8))
def test_every_plan_has_a_letter_within_the_picture(points):
    svg = pictures.quality_against(standing(*points), AXES[0], PLANS, "any")
    found = letters(svg)
    width, height = size(svg)
    assert sorted(text for text, _, _ in found) == list("ABCDEFGH"[: len(points)])
    assert all(0 <= x <= width and 0 <= y <= height for _, x, y in found)


def test_letters_of_dots_in_one_place_do_not_cover_each_other():
    found = letters(pictures.quality_against(standing(*[(0.5, 1e6)] * 5), AXES[0], PLANS, "heap"))
    apart = [abs(a[1] - b[1]) + abs(a[2] - b[2]) for place, a in enumerate(found) for b in found[:place]]
    assert min(apart) >= 8


@settings(max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_letters_at_the_ends_of_curves_do_not_cover_each_other(scores):
    svg = pictures.over_lengths(chart(*scores), PLANS, "ends")
    found = sorted(letters(svg), key=lambda each: each[2])
    width, height = size(svg)
    assert len(found) == len(scores)
    assert all(lower[2] - upper[2] >= 10.9 for upper, lower in pairwise(found))
    assert all(0 <= x <= width and 0 <= y <= height for _, x, y in found)
    # From top to bottom, no score is higher than the one before.
    order = [scores["ABCDEFGH".index(text)] for text, _, _ in found]
    assert order == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("costs", "label", "ticks"),
    [
        ((0.9e6, 1.9e6), "MiB", {"1", "1.5"}),
        ((2e6, 200e6), "MiB, logarithmic", {"10", "100"}),
        ((3e9, 7e9), "GiB", {"3", "5"}),
        ((1000.0, 1000.0), "bytes", {"1,000"}),
    ],
)
def test_costs_are_written_for_people(costs, label, ticks):
    shown = {
        text
        for text, _, _ in texts(
            pictures.quality_against(standing((0.5, costs[0]), (0.6, costs[1])), AXES[0], PLANS, "x")
        )
    }
    assert label in shown
    assert ticks <= shown


def test_lengths_are_written_at_their_places():
    svg = pictures.over_lengths(chart(0.5, places=(1000.0, 4096.0, 131072.0)), PLANS, "x")
    assert {"1,000", "4k", "128k"} <= {text for text, _, _ in texts(svg)}


def test_one_sample_draws_no_band():
    curve = Curve(plan="a", scores={1024.0: mean([1.0]), 2048.0: mean([0.0])})
    svg = pictures.over_lengths(Chart(title="x", curves=(curve,)), PLANS, "x")
    assert "nan" not in svg.lower()


def test_a_map_shows_each_score_in_its_cell():
    found = HeatMap(
        plan="a",
        depths=(0.0, 1.0),
        lengths=(1024, 2048),
        cells={(0.0, 1024): (1.0, 3), (0.0, 2048): (0.25, 3), (1.0, 1024): (0.0, 3)},
    )
    svg = pictures.heat_map(found, "x")
    where = {text: (x, y) for text, x, y in texts(svg)}
    assert where["100"][0] == where["0"][0] < where["25"][0]
    assert where["100"][1] == where["25"][1] < where["0"][1]
    assert re.findall(r"fill: var\(--(heat-\d+)\)", svg) == ["heat-10", "heat-2", "heat-0"]
    assert svg.count("fill: url(#") == 1  # hatched: nothing was scored there

"""Figures as people read them."""

import math

import pytest

from longspan.evaluation.report import wording
from longspan.evaluation.report.about import about
from longspan.evaluation.statistics import Difference, Estimate


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "–"),
        (0, "0 B"),
        (512, "512 B"),
        (1024, "1.00 KiB"),
        (48 * 2**20, "48.0 MiB"),
        (2**30 - 1, "1,024 MiB"),
        (2**30, "1.00 GiB"),
        (3000 * 2**40, "3,000 TiB"),
    ],
)
def test_memory(count, shown):
    assert wording.memory(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.0123, "0.012 s"),
        (9.549, "9.55 s"),
        (99, "99.0 s"),
        (120, "2.00 min"),
        (7200, "2.00 h"),
    ],
)
def test_seconds(count, shown):
    assert wording.seconds(count) == shown


def test_scores_and_differences():
    assert [wording.points(share) for share in (0, 0.1234, 1, None, math.nan)] == [
        "0.0",
        "12.3",
        "100.0",
        "–",
        "–",
    ]
    assert [wording.signed(share) for share in (0.01, -0.01, 0.0004, -0.0004)] == [
        "+1.0",
        "−1.0",
        "0.0",
        "0.0",
    ]


def test_intervals():
    assert wording.interval(Estimate(mean=0.5, low=0.25, high=0.75, count=9, contexts=9)) == "25.0–75.0"
    assert (
        wording.interval(Difference(mean=0, low=-0.25, high=0.5, count=9, contexts=9, differing=9))
        == "−25.0 to +50.0"
    )
    assert wording.interval(Estimate(mean=0.5, low=math.nan, high=math.nan, count=1, contexts=9)) == ""


def test_what_a_run_was_made_with():
    run = {
        "model": {"name": "m", "source": "s", "window": 32768},
        "lengths": [4096, None],
        "seed": 0,
        "question": "unseen",
        "machine": {"cores": 2, "memory_bytes": 2**34},
        "timing": {"wall_seconds": 90.0, "read_seconds": 60.0},
    }
    assert dict(about(run)) == {
        "model": "m, s",
        "window": "32,768 tokens",
        "lengths": "4,096 tokens, natural length",
        "seed": "0",
        "question": "not known when a plan compresses",
        "machine": "2 cores, 16.0 GiB",
        "time": "90.0 s in all, 60.0 s reading",
    }
    assert dict(about({})) == {}

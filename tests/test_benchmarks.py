"""The plans of the benchmarks can be run."""

import importlib
from pathlib import Path

import pytest

from longspan.plan import Plan

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """A script of the folder, as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_every_method_is_compared_at_both_budgets(script):
    methods = script("cache_plans").methods()
    assert {part.policy is None for plans in methods.values() for part in map(Plan.of, plans.values())} == {
        True,
        False,
    }
    for plans in methods.values():
        plenty, little = (Plan.of(plans[budget]) for budget in (0.25, 0.1))
        assert plenty != little
        assert type(plenty.policy) is type(little.policy)
        assert type(plenty.selector) is type(little.selector)


def test_other_plans_parse(script):
    plans = [
        *script("perplexity").plans(4.0),
        *(case[2] for case in script("speed").CASES),
        *(f"pattern={each}" for each in script("patterns").PATTERNS),
        *script("memory").PLANS,
    ]
    assert len({Plan.of(plan) for plan in plans}) > 30

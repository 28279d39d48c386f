"""What a part's parameters may be, and what a budget grants."""

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.parameters import check_budget, check_choice, check_range, tokens


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0, 1, None, "window=0 is outside 1 .. ∞"),
        (1.5, 0, 1, "window=1.5 is outside 0 .. 1"),
        (math.nan, 0, 1, "window=nan is outside 0 .. 1"),
        (math.inf, 1, None, "window=inf is outside 1 .. ∞"),
        (True, 0, 1, "window=True is outside 0 .. 1"),
        ("8", 1, None, "window='8' is outside 1 .. ∞"),
        (2_000_000, None, 1_000_000, "window=2000000 is outside -∞ .. 1000000"),
    ],
)
def test_a_value_out_of_range_is_refused_with_name_value_and_range(value, low, high, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        check_range("window", value, low, high)


@given(st.integers(), st.integers(), st.integers())
def test_both_ends_of_a_range_belong_to_it(value, low, high):
    if low <= value <= high:
        check_range("n", value, low, high)
    else:
        with pytest.raises(ValueError, match=f"n={value} "):
            check_range("n", value, low, high)


def test_a_choice_is_one_of_its_list():
    check_choice("when", "end", ["end", "chunk"])
    with pytest.raises(ValueError, match=r"^when='later' is not one of end, chunk$"):
        check_choice("when", "later", ["end", "chunk"])


@pytest.mark.parametrize("budget", [0, -1, 0.0, 1.5, -0.1, math.nan, math.inf, True, "1024", None])
def test_a_budget_is_tokens_or_a_fraction(budget):
    with pytest.raises(ValueError, match=r"^budget=.* is outside 1 \.\. ∞ tokens"):
        check_budget("budget", budget)
    with pytest.raises(ValueError, match=r"^budget="):
        tokens(budget, 320)


@pytest.mark.parametrize(
    ("budget", "seen", "granted"),
    [
        (0.5, 320, 160),
        (0.25, 320, 80),
        (0.1, 320, 32),
        (1 - 0.9, 320, 32),
        (0.29, 100, 29),
        (1 / 3, 300, 100),
        (0.999, 10, 9),
        (1.0, 320, 320),
        (0.1, 5, 1),
        (1, 320, 1),
        (2048, 320, 2048),
    ],
)
def test_what_a_budget_grants(budget, seen, granted):
    assert tokens(budget, seen) == granted


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 10_000_000))
def test_a_fraction_is_rounded_down_as_if_it_were_exact(numerator, denominator, seen):
    fraction = Fraction(min(numerator, denominator), denominator)
    assert tokens(float(fraction), seen) == max(1, math.floor(fraction * seen))

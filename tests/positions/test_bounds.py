"""Bounds on the rotary base, against the cosines that they speak of."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.positions.bounds import BaseBounds

BOUNDS = st.builds(
    BaseBounds,
    length=st.integers(1, 10**7),
    layers=st.integers(1, 200),
    coherence=st.floats(0.01, 0.99),
)


@given(BOUNDS)
def test_at_the_bound_the_cosine_is_what_was_asked_for(bounds):
    assert math.cos(bounds.length / bounds.stability) == pytest.approx(bounds.coherence)
    assert bounds.remaining(bounds.depth) == pytest.approx(bounds.coherence, rel=1e-6)


@given(BOUNDS)
def test_each_bound_is_tighter_than_the_one_before(bounds):
    assert bounds.aliasing < bounds.stability <= bounds.depth * (1 + 1e-12)


@given(BOUNDS, st.floats(10, 1e9), st.floats(1.01, 100))
def test_a_larger_base_never_leaves_less(bounds, base, times):
    assert bounds.remaining(base * times) >= bounds.remaining(base)


def test_the_slowest_channel_comes_round_at_the_aliasing_bound():
    bounds = BaseBounds(length=65536, layers=1)
    assert bounds.aliasing == pytest.approx(10430.4, abs=0.1)
    assert math.cos(bounds.length / bounds.aliasing) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("dtype", "mantissa"), [(torch.float32, 23), (torch.float16, 10), (torch.bfloat16, 7)]
)
def test_from_the_ceiling_on_a_step_is_lost(dtype, mantissa):
    """The angle of a slowest channel near 1 no longer changes from one token to the next."""
    ceiling = BaseBounds(length=10, layers=1, precision=dtype).ceiling
    assert ceiling == 2**mantissa
    one = torch.ones((), dtype=dtype)
    assert one + torch.tensor(1 / ceiling, dtype=dtype) > one
    assert one + torch.tensor(1 / (4 * ceiling), dtype=dtype) == one


@pytest.mark.parametrize("wrong", [{"length": 0}, {"layers": 0}, {"coherence": 0.0}, {"coherence": 1.0}])
def test_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BaseBounds(**{"length": 10, "layers": 2, **wrong})

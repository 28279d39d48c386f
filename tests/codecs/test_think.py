"""ThinK: against its formula in loops, and what is left of keys."""

import pytest
import torch
from coded import HEADS, every_row, nbytes, vectors
from hypothesis import given
from hypothesis import strategies as st

from longspan.codecs.think import Think


def channels_that_go(keys, queries, ratio):
    """Per KV head, in loops. queries of twice as many heads."""
    heads, _, dim = keys.shape
    going = []
    for head in range(heads):
        scores = []
        for channel in range(dim):
            asked = queries[2 * head : 2 * head + 2, :, channel].flatten().tolist()
            held = keys[head, :, channel].tolist()
            q, k = (sum(number**2 for number in each) / len(each) for each in (asked, held))
            scores.append((q * k, channel))
        going.append({channel for _, channel in sorted(scores)[: int(dim * ratio)]})
    return going


@given(st.floats(0, 0.99), st.integers(1, 20), st.integers(1, 8), st.integers(0, 99))
def test_the_channels_with_the_least_product_of_squares_go(ratio, count, window, seed):
    keys, queries = vectors(count, seed=seed), vectors(window, heads=2 * HEADS, seed=seed + 1)
    form = Think(ratio=ratio).form()
    form.learn(keys, keys, queries)
    going = channels_that_go(keys, queries, ratio)
    later = vectors(5, seed=seed + 2)
    (thin,), (values,) = form.encode(later, later, every_row())
    assert thin.shape == (HEADS, 5, 16 - int(16 * ratio))
    back = form.keys((thin,), every_row(), torch.float32)
    for head, gone in enumerate(going):
        for channel in range(16):
            want = torch.zeros(5) if channel in gone else later[head, :, channel]
            assert torch.equal(back[head, :, channel], want)
    assert torch.equal(form.values((values,), every_row(), torch.float32), later)


def test_channels_are_really_removed():
    form = Think().form()
    form.learn(vectors(40, dim=64), vectors(40, dim=64), vectors(32, heads=6, dim=64))
    keys, values = form.encode(vectors(10, dim=64), vectors(10, dim=64), every_row())
    assert nbytes(keys) == HEADS * 10 * (64 - 25) * 4
    assert nbytes(values) == HEADS * 10 * 64 * 4
    assert form.nbytes == HEADS * 64


def test_the_window_is_what_it_wants_to_observe():
    assert Think(window=7).observed == 7
    assert Think(recent_size=9).form().recent == 9


@pytest.mark.parametrize(
    ("name", "value"), [("ratio", 1.0), ("ratio", -0.1), ("window", 0), ("recent_size", -1)]
)
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name}={value} is outside"):
        Think(**{name: value})

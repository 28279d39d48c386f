"""Eight bits: how far a vector comes back from itself, what it takes, and what a session sees of it."""

import pytest
import torch
from coded import every_row, nbytes
from hypothesis import given
from hypothesis import strategies as st

from longspan.codecs.int8 import Int8
from tiny import stock_logits, tiny_model, tokens


def there_and_back(x, dtype=torch.float32):
    """Keys, after making sure that values fare alike."""
    form, rows = Int8().form(), every_row(len(x))
    keys, values = form.encode(x, x, rows)
    back = form.keys(keys, rows, dtype)
    assert torch.equal(back, form.values(values, rows, dtype))
    return back


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40), st.floats(-2, 6), st.integers(0, 999))
def test_the_error_is_at_most_half_a_step_and_the_rounding_of_the_scale(heads, count, dim, magnitude, seed):
    x = torch.randn(heads, count, dim, generator=torch.Generator().manual_seed(seed)) * 10**magnitude
    error = (there_and_back(x) - x).abs()
    largest = x.abs().amax(-1, keepdim=True)
    rounding = torch.where(largest / 127 < 2**-14, 127 * 2**-25, largest * 2**-11)
    assert bool((error <= largest / 254 * (1 + 1e-3) + rounding).all())


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40))
def test_a_vector_takes_one_byte_a_channel_and_two(heads, count, dim):
    x = torch.randn(heads, count, dim)
    stored = Int8().form().encode(x, x, every_row(heads))
    assert [nbytes(part) for part in stored] == [heads * count * (dim + 2)] * 2


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-7, 1e-5])
def test_vectors_of_almost_nothing_come_back_as_almost_nothing(size):
    x = torch.full((1, 1, 8), size)
    assert (there_and_back(x) - x).abs().max() <= 4e-6


def test_one_outlier_does_not_touch_the_other_vectors():
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    spoiled = x.clone()
    spoiled[1, 3, 2] = 1e5
    changed = (there_and_back(x) != there_and_back(spoiled)).any(-1)
    assert changed.nonzero().tolist() == [[1, 3]]


def test_what_is_being_read_attends_to_itself_as_it_is():
    model, ids = tiny_model(), tokens(96)
    with model.session("codec=int8") as session:
        assert torch.equal(session.logits(ids), stock_logits(model.network, ids))


@pytest.mark.parametrize("chunk", [1, 16])
def test_what_was_stored_is_close_to_what_it_was(chunk):
    model, ids = tiny_model(), tokens(96)
    stock = stock_logits(model.network, ids)
    with model.session("codec=int8", chunk=chunk) as session:
        difference = (session.logits(ids) - stock).norm() / stock.norm()
    assert 1e-6 < difference < 0.02


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_a_session_holds_a_quarter_and_the_scales(family):
    with tiny_model(family).session("codec=int8") as session:
        session.read(tokens(96))
        assert session.usage.kv_bytes == 2 * 3 * 2 * (16 + 2) * 96

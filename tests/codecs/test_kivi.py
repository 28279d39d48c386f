"""KIVI and four bits: against loops over single numbers, how far numbers come back from themselves, what they take."""

import pytest
import torch
from coded import every_row, nbytes, vectors
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.codecs.int4 import Int4
from longspan.codecs.kivi import Kivi

SMALLEST = 6e-8


def half(number):
    return float(torch.tensor(number).half())


def there_and_back(numbers, bits):
    """The numbers of one group, quantized together."""
    zero = half(min(numbers))
    scale = half(max((max(numbers) - zero) / (2**bits - 1), SMALLEST))
    steps = [min(max(round((number - zero) / scale), 0), 2**bits - 1) for number in numbers]
    return [step * scale + zero for step in steps]


def in_groups(numbers, size, bits):
    found = []
    for start in range(0, len(numbers), size):
        found += there_and_back(numbers[start : start + size], bits)
    return found


def largest_divisor(dim, size):
    return max(width for width in range(1, size + 1) if dim % width == 0)


def back(form, keys, values, dtype=torch.float32):
    rows = every_row(len(keys))
    stored = form.encode(keys, values, rows)
    return form.keys(stored[0], rows, dtype), form.values(stored[1], rows, dtype)


def by_channels(x, size, bits):
    width = largest_divisor(x.shape[-1], size)
    return torch.tensor([[in_groups(entry, width, bits) for entry in head] for head in x.tolist()])


@given(
    st.sampled_from([2, 4]),
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from([4, 8, 12, 20]),
    st.integers(0, 99),
)
def test_keys_share_a_scale_per_channel_and_values_per_token(bits, group_size, groups, dim, seed):
    keys = vectors(group_size * groups, heads=2, dim=dim, seed=seed)
    values = vectors(group_size * groups, heads=2, dim=dim, seed=seed + 1)
    key, value = back(Kivi(bits=bits, group_size=group_size).form(), keys, values)
    channels = keys.transpose(1, 2).tolist()
    want = torch.tensor([[in_groups(channel, group_size, bits) for channel in head] for head in channels])
    step = (keys.amax() - keys.amin()) / (2**bits - 1)  # a number right between two steps may go either way
    # Where a scale lies between two fp16 numbers, the whole of its group may be off by what that rounding is.
    wrong = (key - want.transpose(1, 2)).abs() > 1e-4
    assert wrong.sum() <= group_size + 0.01 * wrong.numel()
    assert_close(key, want.transpose(1, 2), atol=float(step), rtol=0)
    wrong = (value - by_channels(values, group_size, bits)).abs() > 1e-4
    assert wrong.sum() <= largest_divisor(dim, group_size) + 0.01 * wrong.numel()


@given(st.integers(1, 20), st.sampled_from([4, 8, 12]), st.integers(1, 5), st.integers(0, 99))
def test_four_bits_share_a_scale_per_entry_and_group_of_channels(group_size, dim, count, seed):
    keys, values = (vectors(count, heads=2, dim=dim, seed=each) for each in (seed, seed + 1))
    key, value = back(Int4(group_size=group_size).form(), keys, values)
    shared = min(group_size, dim)
    for mine, held in ((key, keys), (value, values)):
        off = (mine - by_channels(held, shared, 4)).abs()
        # Where a scale lies between two fp16 numbers, the whole of its group may be off by what that rounding is.
        assert off.max() <= (held.amax() - held.amin()) * 2**-9
        assert (off > 1e-4).sum() <= shared + 0.01 * off.numel()


@given(st.sampled_from([2, 4]), st.floats(-3, 3.5), st.integers(0, 99))
def test_the_error_is_at_most_half_a_step_and_the_rounding_of_scale_and_zero_point(bits, magnitude, seed):
    x = vectors(32, seed=seed) * 10**magnitude
    key, value = back(Kivi(bits=bits).form(), x, x)
    for mine, axis in ((key, 1), (value, 2)):
        span = x.amax(axis, keepdim=True) - x.amin(axis, keepdim=True)
        rounding = (x.abs().amax(axis, keepdim=True) + span) * 2**-11 + 15 * 2**-24
        assert bool(((mine - x).abs() <= span / (2**bits - 1) / 2 * (1 + 1e-3) + rounding).all())


@pytest.mark.parametrize("bits", [2, 4])
def test_in_bf16_the_error_is_half_a_step_and_the_rounding_of_bf16(bits):
    x = vectors(64, dtype=torch.bfloat16)
    for mine, axis in zip(back(Kivi(bits=bits).form(), x, x, torch.bfloat16), (1, 2), strict=True):
        wide = x.float().unflatten(1, (2, 32))
        span = wide.amax(axis + 1 if axis == 2 else 2, True) - wide.amin(axis + 1 if axis == 2 else 2, True)
        bound = span / (2**bits - 1) / 2 + (wide.abs().amax() + span) * 2**-7
        assert bool(((mine.float().unflatten(1, (2, 32)) - wide).abs() <= bound).all())


@pytest.mark.parametrize("form", [Kivi(group_size=8).form(), Int4().form()])
@pytest.mark.parametrize("value", [0.0, 1e-30, 1e-7, -3.25, 60000.0, -60000.0])
def test_equal_numbers_come_back_as_they_are(form, value):
    x = torch.full((1, 8, 8), value)
    for mine in back(form, x, x):
        assert_close(mine, x, atol=1e-6, rtol=2**-11)


def test_an_outlying_channel_of_the_keys_spoils_no_other_channel():
    keys = vectors(32)
    spoiled = keys.clone()
    spoiled[:, :, 3] *= 1000
    others = [channel for channel in range(16) if channel != 3]
    plain, after = (back(Kivi().form(), each, each)[0] for each in (keys, spoiled))
    assert torch.equal(plain[..., others], after[..., others])
    plain, after = (back(Int4().form(), each, each)[0] for each in (keys, spoiled))
    assert not torch.equal(plain[..., others], after[..., others])  # the reason for KIVI


@pytest.mark.parametrize(("bits", "size"), [(2, 24), (4, 40)])
def test_a_key_or_value_of_64_channels_takes_24_or_40_bytes(bits, size):
    stored = Kivi(bits=bits).form().encode(vectors(96, dim=64), vectors(96, dim=64), every_row())
    assert [nbytes(part) for part in stored] == [3 * 96 * size, 3 * 96 * size]
    assert 64 * (bits / 8 + 4 / 32) == size


@pytest.mark.parametrize(("group_size", "size"), [(64, 36), (32, 40), (48, 40)])
def test_four_bits_take_half_a_byte_and_four_bytes_a_group(group_size, size):
    stored = Int4(group_size=group_size).form().encode(vectors(5, dim=64), vectors(5, dim=64), every_row())
    assert [nbytes(part) for part in stored] == [3 * 5 * size, 3 * 5 * size]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bits": 3}, "bits=3 is not one of 2, 4"),
        ({"group_size": 0}, "group_size=0 is outside"),
        ({"residual_length": -1}, "residual_length=-1 is outside"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Kivi(**parameters)

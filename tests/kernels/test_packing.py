"""Packed integers, against single bits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.kernels.packing import pack, unpack


def packed_bit_by_bit(numbers, bits):
    width = len(numbers) * bits // 8
    packed = [0] * width
    for place, number in enumerate(numbers):
        for bit in range(bits):
            if number >> bit & 1:
                packed[place % width] |= 1 << place // width * bits + bit
    return packed


@given(
    st.sampled_from([2, 4, 8]), st.integers(1, 6), st.integers(0, 3), st.integers(1, 3), st.integers(0, 99)
)
def test_each_integer_takes_its_own_bits(bits, eighths, count, heads, seed):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(1 << bits, (heads, count, 8 // bits * eighths), generator=generator)
    packed = pack(numbers.to(torch.uint8), bits)
    assert packed.dtype == torch.uint8
    assert packed.shape == (heads, count, eighths)
    assert packed.tolist() == [[packed_bit_by_bit(each, bits) for each in head] for head in numbers.tolist()]
    assert unpack(packed, bits).tolist() == numbers.tolist()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_packing_leaves_its_input_alone(bits):
    numbers = torch.full((1, 1, 8), 3, dtype=torch.uint8)
    pack(numbers, bits)
    assert bool((numbers == 3).all())


@pytest.mark.parametrize(("count", "bits"), [(3, 4), (6, 2)])
def test_integers_that_do_not_fill_bytes_are_refused(count, bits):
    with pytest.raises(ValueError, match=f"{count} numbers of {bits} bits do not fill whole bytes"):
        pack(torch.zeros(1, count, dtype=torch.uint8), bits)

"""Fused steps against their formulas in double precision: one rounding to bf16, wherever the numbers lie."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import fused

pytestmark = pytest.mark.skipif(fused._library() is None, reason="no C++ compiler")

# Half a unit in the last of bf16's 8 bits, and what fp32 adds to it.
ROUNDED = {"rtol": 2**-8 + 1e-5, "atol": 1e-30}
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 150), st.integers(0, 1000))


def numbers(*shape, seed, size=1.0):
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * size).bfloat16()


def sigmoid_gated(gate, up, linear, cubic):
    gate, up = gate.double(), up.double()
    return gate * torch.sigmoid(linear * gate + cubic * gate**3) * up


def layouts(x):
    """The same numbers in other places in memory."""
    yield x
    yield torch.cat((x, x), -1)[..., : x.shape[-1]]
    yield torch.stack((x, x), -1)[..., 0]
    yield x.transpose(0, 1).contiguous().transpose(0, 1)


@given(SIZES, st.sampled_from([1e-3, 1.0, 1e3]), st.sampled_from([1e-6, 1e-5, 0.1]))
def test_rms_norm_is_its_formula(sizes, size, eps):
    rows, width, seed = sizes
    x = numbers(3, rows, width, seed=seed, size=size)
    gain = torch.randn(width, generator=torch.Generator().manual_seed(1))
    exact = x.double() * torch.rsqrt(x.double().square().mean(-1, keepdim=True) + eps) * gain
    for each in layouts(x):
        assert_close(fused.rms_norm(each, gain, eps).double(), exact, **ROUNDED)


@given(
    SIZES,
    st.sampled_from([0.1, 1.0, 20.0]),
    st.sampled_from([(1.0, 0.0), (1.5957691, 0.0713548), (1.702, 0.0)]),
)
def test_a_gated_product_is_its_formula(sizes, size, activation):
    rows, width, seed = sizes
    gate, up = numbers(2, rows, width, seed=seed, size=size), numbers(2, rows, width, seed=seed + 1)
    exact = sigmoid_gated(gate, up, *activation)
    for left, right in zip(layouts(gate), layouts(up), strict=True):
        assert_close(fused.gated(left, right, *activation).double(), exact, **ROUNDED)


@pytest.mark.parametrize("activation", [(1.0, 0.0), (1.5957691, 0.0713548)])
def test_gates_are_open_or_shut_at_the_ends(activation):
    gate = torch.tensor([-3e38, -1e20, -1e3, -0.0, 0.0, 1e3, 1e20, 3e38, torch.inf, torch.nan]).bfloat16()
    out = fused.gated(gate, torch.ones_like(gate), *activation)
    assert_close(out[5:9], gate[5:9], rtol=0, atol=0)
    assert out[9].isnan()
    assert out[3:5].tolist() == [0, 0]
    assert float(out[0].abs()) < 10
    assert float(out[1:3].abs().max()) < 1e-15


def test_a_number_between_two_goes_to_the_even_one():
    one = torch.ones(4).bfloat16()
    gain = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8])
    assert fused.rms_norm(one, gain, 0.0).tolist() == [1, 1 + 2**-6, 1 + 2**-7, -1]


def test_what_is_not_a_number_stays_so():
    x = numbers(3, 40, seed=0)
    x[1, 7] = torch.nan
    out = fused.rms_norm(x, torch.ones(40), 1e-6)
    assert out.isnan().any(-1).tolist() == [False, True, False]


def test_threads_change_nothing():
    gate, up, gain = numbers(300, 129, seed=0), numbers(300, 129, seed=1), torch.rand(129)
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append((fused.rms_norm(gate, gain, 1e-6), fused.gated(gate, up, 1.0, 0.0)))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *results))


def test_only_bf16_in_memory_without_gradients_suits():
    x = numbers(2, 3, seed=0)
    assert fused.suits(x)
    assert not any(map(fused.suits, (x.float(), x.half(), x.to("meta"), x.clone().requires_grad_())))

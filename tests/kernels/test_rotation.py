"""Rotary position embedding, against complex numbers and against transformers."""

from importlib import import_module

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import fused
from longspan.kernels.rotation import rotate, table


def complex_rotation(x, positions, inv_freq, magnitude, interleaved):
    """Channel pairs as complex numbers, turned by e^(i · position · θ), in double precision."""
    pairs = len(inv_freq)
    head = x[..., : 2 * pairs].double()
    if interleaved:
        number = torch.view_as_complex(head.unflatten(-1, (pairs, 2)).contiguous())
    else:
        number = torch.complex(head[..., :pairs], head[..., pairs:])
    # The angle is rounded to fp32, as all models round it; everything else is exact.
    angles = (positions[..., None].float() * inv_freq).double()
    number = number * torch.polar(torch.full_like(angles, magnitude), angles)
    parts = torch.view_as_real(number)
    turned = parts.flatten(-2) if interleaved else parts.transpose(-1, -2).flatten(-2)
    return torch.cat((turned, x[..., 2 * pairs :].double()), -1)


@given(
    st.integers(1, 8),
    st.integers(0, 3),
    st.booleans(),
    st.floats(0.5, 2),
    st.integers(0, 10_000),
    st.booleans(),
)
def test_rotation_is_complex_multiplication(pairs, rest, interleaved, magnitude, first, per_head):
    generator = torch.Generator().manual_seed(pairs)
    x = torch.randn(3, 5, 2 * pairs + 2 * rest, generator=generator)
    positions = torch.arange(first, first + 5)
    if per_head:
        positions = positions + torch.tensor([[0], [7], [20]])
    inv_freq = torch.rand(pairs, generator=generator)
    turned = rotate(x, table(positions, inv_freq, magnitude=magnitude, interleaved=interleaved))
    expected = complex_rotation(x, positions, inv_freq, magnitude, interleaved)
    assert_close(turned.double(), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("family", "interleaved", "share"),
    [("llama", False, 1), ("gpt_neox", False, 4), ("phi", False, 2), ("cohere", True, 1), ("glm", True, 2)],
)
def test_rotation_is_that_of_transformers(family, interleaved, share):
    module = import_module(f"transformers.models.{family}.modeling_{family}")
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(4, 9, 16, generator=generator), torch.randn(2, 9, 16, generator=generator)
    channels = 16 // share
    inv_freq = 10_000 ** -(torch.arange(0, channels, 2) / channels)
    angles = torch.arange(100, 109)[:, None] * inv_freq
    wide = angles.repeat_interleave(2, -1) if family == "cohere" else torch.cat((angles, angles), -1)
    stock = (
        (query[None, ..., :channels], key[None, ..., :channels])
        if family == "phi"
        else (query[None], key[None])
    )
    theirs = module.apply_rotary_pos_emb(*stock, wide.cos()[None], wide.sin()[None])
    turn = table(torch.arange(100, 109), inv_freq, interleaved=interleaved)
    for x, their in zip((query, key), theirs, strict=True):
        mine = rotate(x, turn)
        assert_close(mine[..., : their.shape[-1]], their[0], atol=1e-6, rtol=0)
        assert torch.equal(mine[..., channels:], x[..., channels:])


@given(st.integers(0, 5000), st.integers(0, 5000), st.booleans())
def test_scores_depend_on_the_distance_alone(distance, shift, interleaved):
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(1, 1, 16, generator=generator), torch.randn(1, 1, 16, generator=generator)
    inv_freq = 1000 ** -(torch.arange(0, 16, 2) / 16)

    def score(far, near):
        turned = [
            rotate(x, table(torch.tensor([at]), inv_freq, interleaved=interleaved))
            for x, at in ((query, far), (key, near))
        ]
        return (turned[0] * turned[1]).sum()

    assert_close(score(distance, 0), score(distance + shift, shift), atol=2e-2, rtol=0)


@given(
    st.integers(1, 40),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 30_000),
    st.booleans(),
    st.booleans(),
)
def test_low_precision_is_rotated_in_full(pairs, rest, interleaved, first, per_head, by_token):
    """bf16 is rounded once, whether one pass does it all or torch step by step, and wherever the numbers lie."""
    generator = torch.Generator().manual_seed(pairs)
    x = torch.randn(3, 5, 2 * pairs + 2 * rest, generator=generator).bfloat16()
    if by_token:
        x = x.transpose(0, 1).contiguous().transpose(0, 1)
    positions = torch.arange(first, first + 5)
    if per_head:
        positions = positions + torch.tensor([[0], [7], [20]])
    inv_freq = 10_000 ** -(torch.arange(pairs) / pairs)
    turn = table(positions, inv_freq, interleaved=interleaved)
    exact = complex_rotation(x, positions, inv_freq, 1.0, interleaved)
    with pytest.MonkeyPatch.context() as patch:
        for _ in range(2):
            turned = rotate(x, turn)
            assert turned.dtype == torch.bfloat16
            assert_close(turned.double(), exact, rtol=2**-8, atol=2e-6)
            patch.setattr(fused, "suits", lambda x: False)


def test_the_input_stays_as_it_is():
    x = torch.ones(1, 2, 4)
    rotate(x, table(torch.arange(2), torch.ones(2)))
    assert torch.equal(x, torch.ones(1, 2, 4))


@pytest.mark.parametrize("first", [2**20, 4_000_000, 20_000_000, 2**31])
@pytest.mark.parametrize("by_pair", [False, True])
def test_far_positions_keep_the_distance_of_near_ones(first, by_pair):
    inv_freq = 10_000.0 ** -(torch.arange(32) / 32)
    query, key = torch.randn(2, 1, 1, 64, generator=torch.Generator().manual_seed(0))

    def score(at):
        positions = torch.tensor([at, at - 3])
        if by_pair:
            positions = positions[:, None].expand(-1, 32)
        turn = table(positions, inv_freq, by_pair=by_pair)
        turned = rotate(torch.cat((query, key), 1), turn)[0]
        return float(turned[0] @ turned[1])

    assert score(first) == pytest.approx(score(3), abs=1e-4)

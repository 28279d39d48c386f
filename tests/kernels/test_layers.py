"""A layer in two calls computes what its formulas say, for each token alone, and a step what the calls do."""

import gguf
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import gelu, silu

from longspan.kernels import layers, packed
from longspan.kernels.layers import Last, Layer, Matrix, Norm, Weights

KINDS = gguf.GGMLQuantizationType
pytestmark = pytest.mark.skipif(not packed.suits(KINDS.Q8_0, 256), reason="there is no compiler here")

WIDTH, INTER, HEADS, KV_HEADS, DIM = 64, 96, 4, 2, 16


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def matrix(rows, columns, seed, *, bias=False, kind=KINDS.Q8_0):
    blocks = torch.from_numpy(gguf.quantize(random(rows, columns, seed=seed).numpy() / columns**0.5, kind))
    return Matrix(
        weights=packed.packed(blocks, kind, columns),
        kind=kind,
        columns=columns,
        bias=random(rows, seed=seed + 50) if bias else None,
    )


def norm(width, seed, eps=1e-5):
    return Norm(gain=random(width, seed=seed) + 1, eps=eps)


def weights(*, biased=True, normed=True, activation=(1.0, 0.0), kind=KINDS.Q8_0):
    rows = {"q": HEADS * DIM, "k": KV_HEADS * DIM, "v": KV_HEADS * DIM, "gate": INTER, "up": INTER}
    made = {
        name: matrix(size, WIDTH, seed, bias=biased, kind=kind)
        for seed, (name, size) in enumerate(rows.items(), start=1)
    }
    return Weights(
        first=norm(WIDTH, 20),
        second=norm(WIDTH, 21, eps=1e-2),
        query=norm(DIM, 22) if normed else None,
        key=norm(DIM, 23, eps=1e-3) if normed else None,
        **made,
        o=matrix(WIDTH, HEADS * DIM, 7, bias=biased, kind=kind),
        down=matrix(WIDTH, INTER, 8, bias=biased, kind=kind),
        dim=DIM,
        activation=activation,
    )


def multiplied(x, by):
    """In fp64, the tokens rounded as they are for products."""
    own = packed.unpacked(by.weights, by.kind, by.columns).numpy()
    out = packed.rounded(x.float()).double() @ torch.from_numpy(gguf.dequantize(own, by.kind)).double().T
    return out if by.bias is None else out + by.bias


def normed(x, by):
    return x if by is None else x / (x.square().mean(-1, keepdim=True) + by.eps).sqrt() * by.gain


def before(hidden, of):
    x = normed(hidden.double(), of.first)
    q, k, v = (multiplied(x, each).unflatten(1, (-1, DIM)).transpose(0, 1) for each in (of.q, of.k, of.v))
    return normed(q, of.query), normed(k, of.key), v


def after(heads, hidden, of, act):
    x = hidden.double() + multiplied(heads.transpose(0, 1).flatten(1), of.o)
    inner = normed(x, of.second)
    return x + multiplied(act(multiplied(inner, of.gate)) * multiplied(inner, of.up), of.down)


def near(mine, own):
    """Within what one number of 8 bits that falls to the other side of its border makes of a sum."""
    return float((mine.double() - own).norm()) <= 2e-3 * float(own.norm())


ACTIVATIONS = [
    ((1.0, 0.0), silu),
    ((1.5957691216, 0.0713548163), lambda x: gelu(x, approximate="tanh")),
    ((1.702, 0.0), lambda x: x * (1.702 * x).sigmoid()),
]


@pytest.mark.parametrize(("activation", "act"), ACTIVATIONS)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("count", [1, 5, 131])
def test_a_layer_computes_its_formulas(count, biased, activation, act):
    of = weights(biased=biased, normed=biased, activation=activation)
    layer, hidden = Layer(of), 3 * random(count, WIDTH, seed=30)
    for mine, own in zip(layer.before(hidden, torch.float32), before(hidden, of), strict=True):
        assert near(mine, own)
    heads = random(HEADS, count, DIM, seed=31)
    expected, went = after(heads, hidden, of, act), hidden.clone()
    layer.after(heads, went)
    assert near(went - hidden, expected - hidden)


@pytest.mark.parametrize("kind", [KINDS.Q4_0, KINDS.Q5_1])
def test_other_blocks(kind):
    of = weights(kind=kind)
    hidden = random(3, WIDTH)
    for mine, own in zip(Layer(of).before(hidden, torch.float32), before(hidden, of), strict=True):
        assert near(mine, own)


def test_the_last_norm_and_the_words():
    by, head = norm(WIDTH, 40), matrix(48, WIDTH, 41)
    hidden = random(4, WIDTH, seed=42)
    found = Last(by, head, 45)(hidden)
    assert found.shape == (4, 45)
    assert near(found, multiplied(normed(hidden.double(), by), head)[:, :45])


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(1, 140),
    threads=st.integers(1, 2),
    dtype=st.sampled_from((torch.float32, torch.bfloat16)),
)
def test_a_token_is_the_same_alone_and_beside_others(count, threads, dtype):
    layer, hidden = Layer(weights()), random(count, WIDTH, seed=count)
    heads = random(HEADS, count, DIM, seed=count + 1).to(dtype)
    before_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        whole, went = layer.before(hidden, dtype), hidden.clone()
        layer.after(heads, went)
    finally:
        torch.set_num_threads(before_threads)
    for place in {0, count // 2, count - 1}:
        alone = hidden[place : place + 1].clone()
        for mine, beside in zip(layer.before(alone, dtype), whole, strict=True):
            assert mine.dtype is dtype
            assert torch.equal(mine[:, 0], beside[:, place])
        layer.after(heads[:, place : place + 1], alone)
        assert torch.equal(alone[0], went[place])


def test_numbers_of_attention_may_lie_apart():
    layer, hidden = Layer(weights()), random(3, WIDTH)
    heads = random(3, HEADS, DIM, seed=1)
    one, other = hidden.clone(), hidden.clone()
    layer.after(heads.transpose(0, 1), one)
    layer.after(heads.transpose(0, 1).contiguous(), other)
    assert torch.equal(one, other)


def test_sizes_that_are_no_whole_panels_do_not_suit():
    assert layers.suits(weights())
    of = weights()
    narrow = Weights(**vars(of) | {"dim": 12})
    assert not layers.suits(narrow)

"""Products with weights in the blocks of a GGUF file: the bytes, the numbers, and each row by itself."""

import gguf
import numpy as np
import pytest
import torch

from longspan.kernels import building, packed

GGUF = gguf.GGMLQuantizationType
ALL = sorted(packed.KINDS)
EVERY = sorted(packed.KINDS | packed.EXACT)
HALVES = {  # where fp16 scales and minima lie in a block
    "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q2_K": (80, 82), "Q3_K": (108,),
    "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "IQ4_NL": (0,), "IQ4_XS": (0,), "TQ1_0": (52,), "TQ2_0": (64,),
}  # fmt: skip

pytestmark = pytest.mark.skipif(not packed.suits(ALL[0], 256), reason="there is no compiler here")


def with_scales(blocks, kind, scales):
    """Blocks uint8 `[rows, n, bytes]` with fp32 scales `[rows, n]` in their places."""
    number = {GGUF.F32: np.float32, GGUF.F16: np.float16}
    if kind in number:
        return scales.astype(number[kind]).view(np.uint8).reshape(blocks.shape)
    if kind is GGUF.BF16:
        return (scales.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(blocks.shape)
    if isinstance(kind, packed.Zeroed):
        blocks[..., :4] = scales.view(np.uint8).reshape(*blocks.shape[:2], 4)
    if kind is GGUF.MXFP4:
        blocks[..., 0] = np.where(scales == 0, 0, 127 + np.log2(np.abs(scales) + 1e-30)).clip(0, 255)
    for place in HALVES.get(kind.name, ()):
        halves = scales.astype(np.float16) * (1 if place == HALVES[kind.name][0] else -1)
        blocks[..., place : place + 2] = halves.view(np.uint8).reshape(*blocks.shape[:2], 2)
    return blocks


def blocks_of(kind, rows, columns, *, seed=0, scale=0.01):
    """Random blocks, whatever bits they hold, with scales of a size, some of them 0, negative or denormal."""
    generator = np.random.default_rng(seed)
    count, size = packed.size(kind)
    blocks = generator.integers(0, 256, (rows, columns // count, size), dtype=np.uint8)
    scales = (generator.standard_normal(blocks.shape[:2]) * scale).astype(np.float32)
    scales.flat[::5], scales.flat[1::7] = 0, 6e-8
    return torch.from_numpy(with_scales(blocks, kind, scales).reshape(rows, -1))


def tokens_of(count, columns, seed=0):
    return torch.randn(count, columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("rows", [8, 13, 40])
def test_unpacking_gives_the_bytes_of_the_file(kind, rows):
    blocks = blocks_of(kind, rows, 512)
    weights = packed.packed(blocks, kind, 512)
    assert weights.nbytes == -(-rows // packed.rows()) * packed.rows() * blocks.shape[1]
    before = weights.clone()
    assert torch.equal(packed.unpacked(weights, kind, 512)[:rows], blocks)
    assert torch.equal(weights, before)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("columns", [256, 1024, 4864])
def test_products_are_those_of_the_formula(kind, columns):
    weights, x = packed.packed(blocks_of(kind, 24, columns), kind, columns), tokens_of(11, columns)
    found, expected = packed.product(x, weights, kind).double(), packed.plain_product(x, weights, kind)
    assert float((found - expected).norm()) <= 1e-6 * float(expected.norm())


@pytest.mark.parametrize("kind", [GGUF.F32, GGUF.F16, GGUF.BF16])
@pytest.mark.parametrize("columns", [1, 31, 100])
def test_single_numbers_come_in_any_number_of_columns(kind, columns):
    weights, x = packed.packed(blocks_of(kind, 70, columns), kind, columns), tokens_of(5, columns)
    torch.testing.assert_close(
        packed.product(x, weights, kind).double(),
        packed.plain_product(x, weights, kind),
        rtol=1e-5,
        atol=1e-7,
    )


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0xFF])
def test_the_largest_numbers_do_not_overflow(kind, byte):
    columns, rows = 32_768, 16
    count, size = packed.size(kind)
    blocks = np.full((rows, columns // count, size), byte, np.uint8)
    blocks = with_scales(blocks, kind, np.ones(blocks.shape[:2], np.float32))
    weights = packed.packed(torch.from_numpy(blocks).flatten(1), kind, columns)
    x = torch.cat((torch.ones(5, columns), -torch.ones(5, columns)))
    expected = packed.plain_product(x, weights, kind)
    for found in (packed.product(x, weights, kind), packed.product(x[:1], weights, kind)):
        torch.testing.assert_close(found.double(), expected[: len(found)], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("kind", [GGUF.Q4_0, GGUF.Q5_0, GGUF.Q6_K, GGUF.Q8_0, GGUF.NVFP4])
def test_each_column_is_multiplied_with_its_own_number(kind):
    """One number of a token at a time gives the weights themselves, of every row and column."""
    columns = 256
    weights = packed.packed(blocks_of(kind, 19, columns), kind, columns)
    found = packed.product(torch.eye(columns) * 127, weights, kind)[:, :19]
    expected = packed.dequantized(packed.unpacked(weights, kind, columns), kind)[:19].T * 127
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_what_gptq_keeps_is_kept_without_loss():
    scales = torch.tensor([0.0123, 0.5, 3.1e-5, 7.0]).half()
    for kind in packed.Zeroed:
        count, size = packed.size(kind)
        fours = torch.randint(
            0, 16, (4, count), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
        )
        zeros = torch.tensor([0, 8, 15, 16], dtype=torch.uint8)
        runs = fours.view(4, -1, 2, 16)
        halves = (runs[:, :, 0] | runs[:, :, 1] << 4).flatten(1)
        blocks = torch.cat((scales.float()[:, None].view(torch.uint8), zeros[:, None], halves), 1)
        assert blocks.shape == (4, size)
        expected = scales.double()[:, None] * (fours.double() - zeros.double()[:, None])
        assert torch.equal(packed.dequantized(blocks, kind).double(), expected)
        found = packed.product(torch.eye(count) * 127, packed.packed(blocks, kind, count), kind)[:, :4]
        torch.testing.assert_close(found.double(), expected.T * 127, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", EVERY)
def test_a_token_gives_the_same_alone_and_beside_others_to_the_bit(kind):
    weights, x = packed.packed(blocks_of(kind, 80, 512), kind, 512), tokens_of(300, 512)
    alone = torch.cat([packed.product(row[None], weights, kind) for row in x])
    for count in (*range(2, 18), 64, 127, 128, 129, 300):
        assert torch.equal(packed.product(x[:count], weights, kind), alone[:count])


@pytest.fixture
def plain(monkeypatch):
    """Built without special instructions, and without patience for what they would do."""
    monkeypatch.setattr(
        building, "_FLAGS", (*(each for each in building._FLAGS if "march" not in each), "-O0")
    )
    caches = building.library.cache_clear, packed._library.cache_clear, packed.rows.cache_clear
    for clear in caches:
        clear()
    yield
    monkeypatch.undo()
    for clear in caches:
        clear()


def test_without_special_instructions_products_are_the_same(plain):
    assert packed.rows() == 8
    for kind in EVERY:
        blocks, x = blocks_of(kind, 13, 512), tokens_of(7, 512)
        weights = packed.packed(blocks, kind, 512)
        assert torch.equal(packed.unpacked(weights, kind, 512)[:13], blocks)
        found, expected = packed.product(x, weights, kind).double(), packed.plain_product(x, weights, kind)
        assert float((found - expected).norm()) <= 1e-6 * float(expected.norm()), kind
        assert torch.equal(torch.cat([packed.product(row[None], weights, kind) for row in x]).double(), found)


@pytest.mark.parametrize("kind", ALL)
def test_a_token_that_is_not_finite_gives_nothing_finite_and_spoils_no_other(kind):
    weights, x = packed.packed(blocks_of(kind, 16, 512), kind, 512), tokens_of(6, 512)
    expected = packed.product(x, weights, kind)
    x[1, 40], x[3, 500], x[4] = torch.nan, torch.inf, 1e-40
    found = packed.product(x, weights, kind)
    assert torch.equal(found[[0, 2, 5]], expected[[0, 2, 5]])
    assert not found[[1, 3]].isfinite().any()
    assert not found[4].any()


def test_many_tokens_on_several_threads_give_the_same():
    kind, columns = GGUF.Q8_0, 1024
    weights, x = packed.packed(blocks_of(kind, 520, columns), kind, columns), tokens_of(40, columns)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2, 3, 7):
            torch.set_num_threads(count)
            found.append(packed.product(x, weights, kind))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(each, found[0]) for each in found)


def test_rounding_keeps_what_eight_bits_can_hold():
    x = tokens_of(5, 256)
    x[0], x[1, :32] = 0, 0
    rounded = packed.rounded(x)
    groups, off = x.unflatten(1, (-1, 32)), (rounded - x).unflatten(1, (-1, 32))
    assert bool((off.abs() <= groups.abs().amax(-1, keepdim=True) / 254 * 1.001).all())
    assert not rounded[0].any()


def test_unknown_formats_have_no_products():
    assert not packed.suits(GGUF.IQ2_XS, 256)
    assert not packed.suits(GGUF.Q4_K, 288)
    assert not packed.suits(GGUF.F16, 256)
    with pytest.raises(ValueError, match="kind=IQ2_XS is none of"):
        packed.packed(torch.zeros(8, 74, dtype=torch.uint8), GGUF.IQ2_XS, 256)

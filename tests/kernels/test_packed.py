"""Products with weights in the blocks of a GGUF file: the bytes, the numbers, and each row by itself."""

import gguf
import numpy as np
import pytest
import torch

from longspan.kernels import building, packed

ALL = sorted(packed.KINDS)

pytestmark = pytest.mark.skipif(not packed.suits(ALL[0], 256), reason="there is no compiler here")


def blocks_of(kind, rows, columns, *, seed=0, scale=0.01):
    """Random blocks, whatever bits they hold, with scales of a size, some of them 0, negative or denormal."""
    generator = np.random.default_rng(seed)
    count, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = generator.integers(0, 256, (rows, columns // count, size), dtype=np.uint8)
    places = {"Q6_K": (208,), "Q4_K": (0, 2), "Q4_1": (0, 2), "Q5_1": (0, 2)}.get(kind.name, (0,))
    for place in places:
        scales = (generator.standard_normal(blocks.shape[:2]) * scale).astype(np.float16)
        scales.flat[::5], scales.flat[1::7] = 0, np.float16(6e-8)
        blocks[..., place : place + 2] = scales.view(np.uint8).reshape(*blocks.shape[:2], 2)
    return torch.from_numpy(blocks.reshape(rows, -1))


def tokens_of(count, columns, seed=0):
    return torch.randn(count, columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("rows", [8, 13, 40])
def test_unpacking_gives_the_bytes_of_the_file(kind, rows):
    blocks = blocks_of(kind, rows, 512)
    weights = packed.packed(blocks, kind, 512)
    assert weights.nbytes == -(-rows // packed.rows()) * packed.rows() * blocks.shape[1]
    assert torch.equal(packed.unpacked(weights, kind, 512)[:rows], blocks)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("columns", [256, 1024, 4864])
def test_products_are_those_of_the_formula(kind, columns):
    weights, x = packed.packed(blocks_of(kind, 24, columns), kind, columns), tokens_of(11, columns)
    found, expected = packed.product(x, weights, kind).double(), packed.plain_product(x, weights, kind)
    assert float((found - expected).norm()) <= 1e-6 * float(expected.norm())


@pytest.mark.parametrize("kind", ALL)
def test_the_largest_numbers_do_not_overflow(kind):
    columns = 32_768
    count, size = gguf.GGML_QUANT_SIZES[kind]
    for byte in (0x00, 0x7F, 0x80, 0xFF):
        blocks = torch.full((8, columns // count, size), byte, dtype=torch.uint8)
        for place in {"Q6_K": (208,), "Q4_K": (0, 2), "Q4_1": (0, 2), "Q5_1": (0, 2)}.get(kind.name, (0,)):
            blocks[..., place : place + 2] = torch.tensor([0x00, 0x3C], dtype=torch.uint8)  # 1 in fp16
        weights = packed.packed(blocks.flatten(1), kind, columns)
        for x in (torch.ones(1, columns), -torch.ones(1, columns)):
            found, expected = (
                packed.product(x, weights, kind).double(),
                packed.plain_product(x, weights, kind),
            )
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("kind", ALL)
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
    for kind in ALL:
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
    kind, columns = gguf.GGMLQuantizationType.Q8_0, 1024
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
    assert not packed.suits(gguf.GGMLQuantizationType.Q2_K, 256)
    assert not packed.suits(gguf.GGMLQuantizationType.Q4_K, 288)
    with pytest.raises(ValueError, match="kind=Q2_K is none of"):
        packed.packed(torch.zeros(8, 84, dtype=torch.uint8), gguf.GGMLQuantizationType.Q2_K, 256)

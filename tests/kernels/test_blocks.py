"""Block-sparse attention, against a dense mask built from its index."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import naive
from longspan.kernels.blocks import BlockIndex, attend_blocks

TIGHT = {"atol": 2e-6, "rtol": 1e-5}


def inputs(kv_heads, group, rows, keys, dim=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(kv_heads * group, rows, dim, generator=generator),
        torch.randn(kv_heads, keys, dim, generator=generator),
        torch.randn(kv_heads, keys, dim, generator=generator),
    )


def mask_of(index: BlockIndex, heads: int, rows: int, keys: int) -> torch.Tensor:
    """What the index says, pair by pair: bool `[heads, rows, keys]`."""
    mask = torch.zeros(heads, rows, keys, dtype=torch.bool)
    visits = index.visits.repeat_interleave(heads // len(index.visits), 0)
    for head in range(heads):
        for row in range(rows):
            position = keys - rows + row
            own = position // index.block
            mask[head, row, own * index.block : position + 1] = True
            for block in visits[head, own - index.first].tolist():
                if block >= 0:
                    mask[head, row, block * index.block : (block + 1) * index.block] = True
    return mask


def random_index(block, rows, keys, choosers, generator) -> BlockIndex:
    """Any number of visits per query block, the same number for all choosers, filled up with −1."""
    first, last = (keys - rows) // block, (keys - 1) // block
    counts = [int(torch.randint(own + 1, (), generator=generator)) for own in range(first, last + 1)]
    visits = torch.full((choosers, len(counts), max(max(counts), 1)), -1)
    for chooser in range(choosers):
        for number, count in enumerate(counts):
            if count:
                chosen = torch.randperm(first + number, generator=generator)[:count]
                visits[chooser, number, :count] = chosen.sort().values
    return BlockIndex(block=block, first=first, visits=visits)


@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3)),
    st.sampled_from(["one", "kv heads", "heads"]),
    st.integers(1, 7),
    st.integers(1, 40),
    st.integers(0, 40),
    st.integers(0, 999),
    st.sampled_from([None, 2.0]),
)
def test_visits_are_a_dense_mask(shape, who, block, rows, past, seed, softcap):
    keys = rows + past
    query, key, value = inputs(*shape, rows, keys, seed=seed)
    choosers = {"one": 1, "kv heads": len(key), "heads": len(query)}[who]
    index = random_index(block, rows, keys, choosers, torch.Generator().manual_seed(seed))
    mask = mask_of(index, len(query), rows, keys)
    merge = attend_blocks(query, key, value, index, scale=0.4, softcap=softcap)
    expected = naive.attention(query, key, value, scale=0.4, mask=mask, softcap=softcap)
    assert_close(merge.result(torch.float32), expected, **TIGHT)


def test_every_block_visited_is_causal_attention():
    rows, block = 37, 5
    query, key, value = inputs(2, 2, rows, rows)
    blocks = -(-rows // block)
    visits = torch.arange(blocks).expand(blocks, -1).clone()
    visits[visits >= torch.arange(blocks)[:, None]] = -1
    merge = attend_blocks(query, key, value, BlockIndex(block=block, first=0, visits=visits[None]), scale=0.4)
    mask = torch.ones(rows, rows).tril().bool()
    assert_close(
        merge.result(torch.float32), naive.attention(query, key, value, scale=0.4, mask=mask), **TIGHT
    )


def test_more_blocks_than_are_gathered_at_a_time():
    block, past, rows, visited = 64, 16, 40 * 64, 16
    keys = past * block + rows
    query, key, value = inputs(4, 1, rows, keys, dim=64)
    generator = torch.Generator().manual_seed(0)
    chosen = [torch.randperm(past + own, generator=generator)[:visited].sort().values for own in range(40)]
    index = BlockIndex(block=block, first=past, visits=torch.stack(chosen)[None])
    merge = attend_blocks(query, key, value, index, scale=0.125)
    own = (torch.arange(rows) // block + past)[:, None]
    block_of = torch.arange(keys) // block
    mask = (block_of == own) & (torch.arange(keys) <= torch.arange(past * block, keys)[:, None])
    mask |= (
        torch.zeros(rows, keys // block)
        .bool()
        .scatter(1, torch.stack(chosen).repeat_interleave(block, 0), True)[:, block_of]
    )
    assert_close(
        merge.result(torch.float32), naive.attention(query, key, value, scale=0.125, mask=mask), **TIGHT
    )


def test_heads_that_visit_different_numbers_are_refused():
    query, key, value = inputs(2, 1, 4, 12)
    index = BlockIndex(block=4, first=2, visits=torch.tensor([[[0, 1]], [[0, -1]]]))
    with pytest.raises(ValueError, match="different numbers of blocks"):
        attend_blocks(query, key, value, index, scale=0.4)


def test_no_query_is_refused():
    query, key, value = inputs(1, 1, 0, 4)
    with pytest.raises(ValueError, match="0 rows"):
        attend_blocks(query, key, value, BlockIndex(block=4, first=1, visits=torch.zeros(1, 0, 0)), scale=0.4)

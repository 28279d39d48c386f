"""Attention over regions given by bounds, against a dense mask of the same pairs."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import naive
from longspan.kernels.regions import attend_entries, attend_tiles
from longspan.kernels.tiles import tiles

TIGHT = {"atol": 2e-6, "rtol": 1e-5}


def inputs(kv_heads, group, rows, keys, seed):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(kv_heads * group, rows, 8, generator=generator),
        torch.randn(kv_heads, keys, 8, generator=generator),
        torch.randn(kv_heads, keys, 8, generator=generator),
    )


@st.composite
def regions(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Bounds of some queries, as tensors `[n]`."""
    rows = draw(st.integers(1, 16))
    steps = st.lists(st.sampled_from([0, 1, 1, 3]), min_size=rows, max_size=rows)
    low, high = torch.tensor(draw(steps)).cumsum(0), torch.tensor(draw(steps)).cumsum(0)
    return low, (high + draw(st.integers(-3, 12))).clamp(min=0)


heads = st.tuples(st.integers(1, 2), st.integers(1, 3))


@given(regions(), heads, st.integers(0, 99), st.sampled_from([None, 2.0]))
def test_tiles_are_a_dense_mask(region, shape, seed, softcap):
    low, high = region
    keys = max(int(high[-1]), 1)
    query, key, value = inputs(*shape, len(low), keys, seed)
    index = torch.arange(keys)
    mask = (index >= low[:, None]) & (index < high[:, None])
    merge = attend_tiles(query, key, value, tiles(low.tolist(), high.tolist()), scale=0.4, softcap=softcap)
    if not bool(mask.any()):
        assert merge is None
        return
    out, lse = merge.result(torch.float32)
    assert_close(
        (out, lse), naive.attention(query, key, value, scale=0.4, mask=mask, softcap=softcap), **TIGHT
    )


@given(regions(), heads, st.integers(0, 99))
def test_two_sets_of_tiles_meet_under_one_softmax(region, shape, seed):
    rows = len(region[0])
    keys = rows + 5
    low = region[0].clamp(max=keys)
    query, key, value = inputs(*shape, rows, keys, seed)
    near = attend_tiles(query, key, value, tiles(low.tolist(), [keys] * rows), scale=0.4)
    both = attend_tiles(query, key, value, tiles([0] * rows, low.tolist()), scale=0.4, into=near)
    assert_close(both.result(torch.float32), naive.attention(query, key, value, scale=0.4), **TIGHT)


@given(regions(), heads, st.integers(0, 99), st.integers(1, 20), st.sampled_from([None, 2.0]))
def test_entries_with_gaps_are_a_dense_mask_over_their_positions(region, shape, seed, kept, softcap):
    low, high = region
    query, key, value = inputs(*shape, len(low), kept, seed)
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randperm(3 * kept, generator=generator)[:kept].sort().values for _ in range(shape[0])]
    positions = torch.stack(rows)
    seen = positions.repeat_interleave(shape[1], 0)[:, None]
    mask = (seen >= low[:, None]) & (seen < high[:, None])
    fast = attend_entries(query, key, value, positions, low, high, scale=0.4, softcap=softcap)
    assert_close(fast, naive.attention(query, key, value, scale=0.4, mask=mask, softcap=softcap), **TIGHT)


def test_entries_of_more_pairs_than_are_masked_at_a_time():
    query, key, value = inputs(1, 4, 300, 4000, seed=0)
    positions = torch.arange(0, 8000, 2)[None]
    low, high = torch.arange(300), torch.arange(7600, 7900)
    mask = (positions >= low[:, None]) & (positions < high[:, None])
    fast = attend_entries(query, key, value, positions, low, high, scale=0.4)
    assert_close(fast, naive.attention(query, key, value, scale=0.4, mask=mask), **TIGHT)

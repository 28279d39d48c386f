"""Dense attention, and parts of it joined under one softmax, against the formula."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import naive
from longspan.kernels.attention import Merge, attend
from longspan.kernels.regions import with_sinks

TIGHT = {"atol": 2e-6, "rtol": 1e-5}


def inputs(kv_heads, group, rows, keys, dim=8, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(kv_heads * group, rows, dim, generator=generator)
    key = torch.randn(kv_heads, keys, dim, generator=generator)
    value = torch.randn(kv_heads, keys, dim, generator=generator)
    return query.to(dtype), key.to(dtype), value.to(dtype)


shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 20))
seeds = st.integers(0, 1000)


@given(shapes, seeds, st.floats(0.05, 2))
def test_the_twin_is_the_formula(shape, seed, scale):
    query, key, value = inputs(*shape, seed=seed)
    mask = torch.rand(query.shape[1], key.shape[1]) < 0.7
    out, lse = naive.attention(query, key, value, scale=scale, mask=mask)
    for head in range(len(query)):
        shared = head * len(key) // len(query)
        for row in range(query.shape[1]):
            seen = mask[row].nonzero()[:, 0]
            scores = (key[shared, seen].double() @ query[head, row].double()) * scale
            assert_close(out[head, row], (scores.softmax(-1) @ value[shared, seen].double()).float(), **TIGHT)
            assert_close(lse[head, row], scores.logsumexp(-1).float(), **TIGHT)


@given(shapes, seeds)
def test_attend_is_the_twin(shape, seed):
    query, key, value = inputs(*shape, seed=seed)
    for fast, plain in zip(
        attend(query, key, value, scale=0.4), naive.attention(query, key, value, scale=0.4), strict=True
    ):
        assert_close(fast, plain, **TIGHT)


@given(shapes, seeds, st.sampled_from([None, 2.0]))
def test_causal(shape, seed, softcap):
    query, key, value = inputs(*shape[:3], shape[2], seed=seed)
    mask = torch.ones(shape[2], shape[2]).tril().bool()
    fast = attend(query, key, value, scale=0.4, causal=True, softcap=softcap)
    assert_close(fast, naive.attention(query, key, value, scale=0.4, mask=mask, softcap=softcap), **TIGHT)


@given(shapes, seeds, st.floats(0, 1), st.sampled_from([None, 2.0]), st.booleans())
def test_masked_and_rows_that_see_nothing(shape, seed, density, softcap, per_head):
    query, key, value = inputs(*shape, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    heads = (len(query),) if per_head else ()
    mask = torch.rand(*heads, query.shape[1], key.shape[1], generator=generator) < density
    out, lse = attend(query, key, value, scale=0.4, mask=mask, softcap=softcap)
    assert_close(
        (out, lse), naive.attention(query, key, value, scale=0.4, mask=mask, softcap=softcap), **TIGHT
    )
    blind = ~mask.any(-1).expand(len(query), -1)
    assert bool((out[blind] == 0).all())
    assert bool((lse[blind] == -torch.inf).all())


@given(shapes, seeds, st.floats(0.5, 50))
def test_softcap(shape, seed, softcap):
    query, key, value = inputs(*shape, seed=seed)
    fast = attend(query, key, value, scale=3.0, softcap=softcap)
    assert_close(fast, naive.attention(query, key, value, scale=3.0, softcap=softcap), **TIGHT)


def test_softcap_over_more_rows_than_are_scored_at_a_time():
    query, key, value = inputs(1, 4, 2100, 2100)
    mask = torch.ones(2100, 2100).tril().bool()
    fast = attend(query, key, value, scale=0.4, causal=True, softcap=2.0)
    assert_close(fast, naive.attention(query, key, value, scale=0.4, mask=mask, softcap=2.0), **TIGHT)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6000), seeds)
def test_one_query_over_long_keys(kv_heads, group, keys, seed):
    query, key, value = inputs(kv_heads, group, 1, keys, seed=seed)
    fast = attend(query, key, value, scale=0.4)
    assert_close(fast, naive.attention(query, key, value, scale=0.4), **TIGHT)


@pytest.mark.parametrize("keys", [1, 511, 512, 1024, 1025, 2048, 2049, 4097])
def test_one_query_at_the_lengths_where_keys_are_cut(keys):
    query, key, value = inputs(2, 3, 1, keys, dim=16)
    fast = attend(query, key, value, scale=0.3)
    assert_close(fast, naive.attention(query, key, value, scale=0.3), **TIGHT)


def test_values_of_another_width_than_keys():
    query, key, _ = inputs(2, 2, 3, 7)
    value = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(1))
    fast = attend(query, key, value, scale=0.4)
    assert fast[0].shape == (4, 3, 5)
    assert_close(fast, naive.attention(query, key, value, scale=0.4), **TIGHT)


@pytest.mark.parametrize("rows", [1, 5])
def test_low_precision_comes_back_as_it_went_in(rows):
    query, key, value = inputs(2, 2, rows, 700, dtype=torch.bfloat16)
    out, lse = attend(query, key, value, scale=0.4)
    plain, plain_lse = naive.attention(query, key, value, scale=0.4)
    assert (out.dtype, lse.dtype) == (torch.bfloat16, torch.float32)
    assert_close(out, plain, atol=2e-2, rtol=2e-2)
    assert_close(lse, plain_lse, atol=2e-2, rtol=2e-2)


@given(shapes, seeds, st.data())
def test_parts_joined_are_the_whole(shape, seed, data):
    query, key, value = inputs(*shape, seed=seed)
    keys, rows = key.shape[1], query.shape[1]
    part = torch.tensor(data.draw(st.lists(st.integers(0, 3), min_size=keys, max_size=keys)))
    start = data.draw(st.integers(0, rows - 1))
    mask = torch.ones(rows, keys, dtype=torch.bool)
    mask[:start, part == 3] = False
    merge = Merge.empty(len(query), rows, value.shape[-1], query.device)
    for number in range(3):
        if bool((part == number).any()):
            merge.add(*naive.attention(query, key[:, part == number], value[:, part == number], scale=0.4))
    if bool((part == 3).any()):  # a part that only the later queries see
        late = naive.attention(query[:, start:], key[:, part == 3], value[:, part == 3], scale=0.4)
        merge.add(*late, start)
    assert_close(
        merge.result(torch.float32), naive.attention(query, key, value, scale=0.4, mask=mask), **TIGHT
    )


@given(shapes, seeds)
def test_parts_of_some_heads_are_joined_to_these_heads(shape, seed):
    query, key, value = inputs(*shape, seed=seed)
    group = len(query) // len(key)
    merge = Merge.empty(len(query), query.shape[1], value.shape[-1], query.device)
    for head in range(len(key)):
        shared, own = slice(head * group, (head + 1) * group), slice(head, head + 1)
        merge.add(*naive.attention(query[shared], key[own], value[own], scale=0.4), heads=shared)
    assert_close(merge.result(torch.float32), naive.attention(query, key, value, scale=0.4), **TIGHT)


def test_nothing_joined_with_nothing_is_nothing():
    merge = Merge.empty(2, 3, 4, torch.device("cpu"))
    merge.add(torch.zeros(2, 3, 4), torch.full((2, 3), -torch.inf))
    out, lse = merge.result(torch.float32)
    assert bool((out == 0).all())
    assert bool((lse == -torch.inf).all())


def test_parts_in_low_precision_are_joined_in_full():
    query, key, value = inputs(1, 1, 1, 64, dtype=torch.bfloat16)
    whole = naive.attention(query.float(), key.float(), value.float(), scale=0.4)
    merge = Merge(*naive.attention(query, key[:, :1], value[:, :1], scale=0.4))
    for number in range(1, 64):
        one = slice(number, number + 1)
        merge.add(*naive.attention(query, key[:, one], value[:, one], scale=0.4))
    assert_close(merge.result(torch.float32), whole, atol=1e-2, rtol=0)


@given(shapes, seeds)
def test_a_sink_is_one_more_key_without_a_value(shape, seed):
    query, key, value = inputs(*shape, seed=seed)
    sinks = torch.randn(len(query), generator=torch.Generator().manual_seed(seed))
    group = len(query) // len(key)
    scores = query @ key.repeat_interleave(group, 0).mT * 0.4
    weights = torch.cat((scores, sinks[:, None, None].expand(-1, query.shape[1], 1)), -1).softmax(-1)
    expected = weights[..., :-1] @ value.repeat_interleave(group, 0)
    assert_close(with_sinks(*attend(query, key, value, scale=0.4), sinks), expected, **TIGHT)

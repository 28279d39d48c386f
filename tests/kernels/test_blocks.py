"""Block-sparse attention, gathered and compiled, against a dense mask built from its index."""

from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import compiled
from longspan.kernels.block_index import BlockIndex, Bundle
from longspan.kernels.blocks import attend_blocks

TIGHT = {"atol": 2e-6, "rtol": 1e-5}


# Both ways that there are, where this machine can compile.
WAYS = (False, True) if compiled.library() else (False,)


def inputs(kv_heads, group, rows, keys, dim=8, value_dim=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(kv_heads * group, rows, dim, generator=generator),
        torch.randn(kv_heads, keys, dim, generator=generator),
        torch.randn(kv_heads, keys, value_dim or dim, generator=generator),
    )


def bias_of(index: BlockIndex, heads: int, rows: int, keys: int, bounds=None) -> torch.Tensor:
    """What the index adds to the score of each pair, −∞ where it hides one: `[heads, rows, keys]`."""
    bias = torch.full((heads, rows, keys), -torch.inf)
    width = index.width or index.block

    def of(tensor, head):
        return tensor[head * len(tensor) // heads].tolist()

    for head in range(heads):
        visits = of(index.visits, head)
        named = None if index.columns is None else of(index.columns, head)
        for row in range(rows):
            position = keys - rows + row
            own = position // index.block
            bias[head, row, own * index.block : position + 1] = 0
            for block in visits[own - index.first]:
                if block >= 0:
                    bias[head, row, block * width : (block + 1) * width] = 0
            if named is not None:
                for column in named[own - index.first]:
                    if column >= 0:
                        bias[head, row, column] = 0
        for bundle in index.bundles:
            bonus = of(torch.zeros(bundle.columns.shape) if bundle.bonus is None else bundle.bonus, head)
            for members, columns, more in zip(
                of(bundle.rows, head), of(bundle.columns, head), bonus, strict=True
            ):
                for column, extra in zip(columns, more, strict=True):
                    if column >= 0:
                        bias[head, members, column] = extra
    if bounds is not None:
        place = torch.arange(keys)
        bias[:, (place < bounds[0][:, None]) | (place >= bounds[1][:, None])] = -torch.inf
    return bias


def check(query, key, value, index, *, bounds=None, softcap=None, scale=0.4, tolerance=TIGHT):
    """The formula, fp64 inside."""
    group = len(query) // len(key)
    wide_key, wide_value = (x.double().repeat_interleave(group, 0) for x in (key, value))
    scores = query.double() @ wide_key.transpose(1, 2) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores + bias_of(index, len(query), query.shape[1], key.shape[1], bounds)
    out = torch.softmax(scores, -1).nan_to_num(0.0) @ wide_value
    for way in WAYS:
        with patch.object(compiled, "suits", lambda *_, way=way: way):
            merge = attend_blocks(query, key, value, index, scale=scale, softcap=softcap, bounds=bounds)
        assert_close(merge.result(torch.float32), (out.float(), scores.logsumexp(-1).float()), **tolerance)


def filled(lists):
    """Lists of lists of lists as a tensor, −1 behind the last."""
    most = max(len(each) for head in lists for each in head)
    rows = [[each + [-1] * (most - len(each)) for each in head] for head in lists]
    return torch.tensor(rows, dtype=torch.int64)


def random_index(block, width, heads, rows, keys, choosers, with_columns, seed) -> BlockIndex:
    """Any number of visits and of columns per chooser and query block."""
    generator = torch.Generator().manual_seed(seed)
    first, last = (keys - rows) // block, (keys - 1) // block

    def some(count):
        return int(torch.randint(count + 1, (), generator=generator))

    def chosen(among):
        order = torch.randperm(len(among), generator=generator)[: some(len(among))]
        return sorted(among[place] for place in order.tolist())

    visits = [
        [chosen(range(own * block // width)) for own in range(first, last + 1)] for _ in range(choosers)
    ]
    index = BlockIndex(block=block, width=width, first=first, visits=filled(visits))
    if not with_columns:
        return index
    free = [
        [key for key in range((first + b) * block) if all(key // width not in head[b] for head in visits)]
        for b in range(last + 1 - first)
    ]
    columns = filled([[chosen(among) for among in free] for _ in range(choosers)])
    return replace(index, columns=columns)


def random_bundle(index, heads, rows, keys, choosers, bonus, seed) -> Bundle | None:
    """Queries dealt into bundles, each with some of the keys that none of its queries visits yet."""
    generator = torch.Generator().manual_seed(seed)
    bundles = int(torch.randint(1, rows + 1, (), generator=generator))
    size = rows // bundles
    members = torch.stack([torch.randperm(rows, generator=generator) for _ in range(choosers)])
    members = members[:, : bundles * size].reshape(choosers, bundles, size)
    hidden = bias_of(index, heads, rows, keys).isinf().unflatten(0, (choosers, -1)).all(1)
    columns = filled(
        [
            [
                [key for key in range(keys) if bool(hidden[chooser, queries, key].all())]
                for queries in members[chooser]
            ]
            for chooser in range(choosers)
        ]
    )
    extra = torch.rand(columns.shape, generator=generator) * 3 if bonus else None
    return Bundle(rows=members, columns=columns, bonus=extra)


def random_bounds(rows, keys, seed):
    generator = torch.Generator().manual_seed(seed)
    steps = torch.tensor([0, 0, 1, 1, 1, 4])[torch.randint(6, (2, rows), generator=generator)].cumsum(1)
    low = steps[0] + int(torch.randint(-5, keys, (), generator=generator))
    high = steps[1] + int(torch.randint(-5, keys + 5, (), generator=generator))
    return low, high


shapes = st.tuples(st.integers(1, 2), st.integers(1, 3))
who = st.sampled_from([lambda heads, kv: 1, lambda heads, kv: kv, lambda heads, kv: heads])
softcaps = st.sampled_from([None, None, 2.0])


@given(
    shapes,
    who,
    st.sampled_from([(1, 0), (5, 0), (7, 7), (6, 2), (8, 1)]),
    st.integers(1, 40),
    st.integers(0, 40),
    st.booleans(),
    st.integers(0, 999),
    softcaps,
    st.booleans(),
    st.sampled_from([(8, 8), (8, 8), (7, 5), (4, 13)]),
)
def test_an_index_is_a_dense_mask(shape, who, sizes, rows, past, columns, seed, softcap, bounded, dims):
    keys = rows + past
    query, key, value = inputs(*shape, rows, keys, *dims, seed=seed)
    (block, width), choosers = sizes, who(len(query), len(key))
    index = random_index(block, width or block, len(query), rows, keys, choosers, columns, seed)
    bounds = random_bounds(rows, keys, seed) if bounded else None
    check(query, key, value, replace(index, width=width), softcap=softcap, bounds=bounds)


@given(
    shapes,
    who,
    who,
    st.integers(1, 20),
    st.integers(0, 20),
    st.booleans(),
    st.integers(0, 999),
    softcaps,
    st.booleans(),
)
def test_bundles_are_further_pairs(shape, who, whose, rows, past, bonus, seed, softcap, bounded):
    keys = rows + past
    query, key, value = inputs(*shape, rows, keys, seed=seed)
    index = random_index(4, 4, len(query), rows, keys, who(len(query), len(key)), False, seed)
    bundle = random_bundle(index, len(query), rows, keys, whose(len(query), len(key)), bonus, seed)
    bounds = random_bounds(rows, keys, seed) if bounded else None
    check(query, key, value, replace(index, bundles=(bundle,)), softcap=softcap, bounds=bounds)


def test_bundles_of_two_kinds_meet_under_one_softmax():
    query, key, value = inputs(2, 2, 6, 30)
    index = BlockIndex(block=2, first=12, visits=torch.full((1, 3, 0), -1))
    far = Bundle(rows=torch.arange(6)[None, None], columns=torch.tensor([[[0, 3, 9]]]))
    near = Bundle(
        rows=torch.tensor([[[5, 0, 2]], [[1, 3, 4]]]),
        columns=torch.tensor([[[10, 11, -1, 20]], [[12, -1, 14, -1]]]),
        bonus=torch.tensor([[[0.5, 1.0, 9.0, 0.0]], [[3.0, 9.0, 0.0, 9.0]]]),
    )
    check(query, key, value, replace(index, bundles=(far, near)))


@pytest.mark.parametrize("choosers", [1, 3, 9])
def test_bf16_of_real_size(choosers):
    query, key, value = (x.bfloat16() for x in inputs(3, 3, 200, 500, dim=64))
    index = random_index(64, 64, 9, 200, 500, choosers, True, seed=0)
    bounds = (torch.arange(200) // 2, torch.arange(200) + 200)
    for bound in (None, bounds):
        check(query, key, value, index, bounds=bound, scale=0.125, tolerance={"atol": 0.02, "rtol": 0.02})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_block_visited_is_causal_attention(dtype):
    rows, block = 337, 50
    query, key, value = (x.to(dtype) for x in inputs(2, 2, rows, rows, dim=24))
    visits = torch.arange(7).expand(7, -1)
    visits = visits.masked_fill(visits >= torch.arange(7)[:, None], -1)[None]
    tolerance = TIGHT if dtype is torch.float32 else {"atol": 0.02, "rtol": 0.02}
    check(query, key, value, BlockIndex(block=block, first=0, visits=visits), tolerance=tolerance)


def test_more_than_is_gathered_at_a_time(monkeypatch):
    monkeypatch.setattr("longspan.kernels.gathered._GATHER_ELEMENTS", 500)
    monkeypatch.setattr("longspan.kernels.gathered._MASKED_ELEMENTS", 300)
    query, key, value = inputs(2, 2, 30, 50)
    index = random_index(4, 4, 4, 30, 50, 2, True, seed=1)
    bundle = random_bundle(index, 4, 30, 50, 4, True, seed=1)
    check(query, key, value, replace(index, bundles=(bundle,)), bounds=random_bounds(30, 50, seed=3))


@pytest.mark.parametrize("way", WAYS)
def test_a_query_that_sees_nothing_gives_zeros(monkeypatch, way):
    monkeypatch.setattr(compiled, "suits", lambda *_: way)
    query, key, value = inputs(1, 2, 4, 12)
    index = BlockIndex(block=4, first=2, visits=torch.tensor([[[0, 1]]]))
    nothing = torch.tensor([12, 12, 12, 12]), torch.tensor([3, 3, 3, 12])
    out, lse = attend_blocks(query, key, value, index, scale=0.4, bounds=nothing).result(torch.float32)
    assert bool((out == 0).all())
    assert bool((lse == -torch.inf).all())


def test_bundles_of_each_head_over_columns_of_all():
    query, key, value = inputs(2, 2, 4, 20)
    index = BlockIndex(block=4, first=4, visits=torch.full((1, 1, 0), -1))
    rows = torch.tensor([[[0, 1], [2, 3]], [[3, 0], [1, 2]], [[0, 2], [1, 3]], [[0, 3], [2, 1]]])
    columns = torch.tensor([[[0, 5, 9], [3, 4, -1]]])
    bundle = Bundle(rows=rows, columns=columns, bonus=columns.float() / 9)
    check(query, key, value, replace(index, bundles=(bundle,)))
    swapped = Bundle(rows=rows[:1], columns=columns.expand(4, -1, -1) + torch.arange(4)[:, None, None])
    check(query, key, value, replace(index, bundles=(swapped,)))


def test_bundles_of_nothing_add_nothing():
    query, key, value = inputs(1, 1, 4, 8)
    index = BlockIndex(block=4, first=1, visits=torch.tensor([[[0]]]))
    none = torch.zeros(1, 2, 0, dtype=torch.int64)
    some = torch.arange(4).view(1, 2, 2)
    check(
        query,
        key,
        value,
        replace(index, bundles=(Bundle(rows=some, columns=none), Bundle(rows=none, columns=some))),
    )


VISITS = torch.tensor([[[0, 1]]])
ROWS = torch.tensor([[[0, 1]]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visits": torch.tensor([[[0, 2]]])}, "visits: a number is outside"),
        ({"visits": torch.tensor([[[-2, 1]]])}, "visits: a number is outside"),
        ({"visits": torch.tensor([[[1, 0]]])}, "visits: numbers"),
        ({"visits": torch.tensor([[[0, 0]]])}, "visits: numbers"),
        ({"visits": torch.tensor([[[-1, 0]]])}, "visits: numbers"),
        ({"visits": VISITS.float()}, "visits is torch.float32"),
        ({"visits": VISITS.expand(2, 1, 2)}, r"allowed torch.int64 \(1 or 4, 1, any\)"),
        ({"visits": VISITS.expand(1, 2, 2)}, r"allowed torch.int64 \(1 or 4, 1, any\)"),
        ({"visits": VISITS[0]}, r"allowed torch.int64 \(1 or 4, 1, any\)"),
        ({"width": 3}, "width=3"),
        ({"first": 1}, "first=1"),
        ({"columns": torch.tensor([[[8]]])}, "columns: a number is outside"),
        ({"bundles": (Bundle(rows=ROWS, columns=ROWS + 11),)}, "columns: a number is outside"),
        ({"bundles": (Bundle(rows=ROWS - 1, columns=ROWS),)}, "rows: a number is outside"),
        ({"bundles": (Bundle(rows=ROWS + 3, columns=ROWS),)}, "rows: a number is outside"),
        ({"bundles": (Bundle(rows=ROWS * 0, columns=ROWS),)}, "a query twice"),
        ({"bundles": (Bundle(rows=ROWS, columns=ROWS.expand(1, 2, 2)),)}, "columns is"),
        ({"bundles": (Bundle(rows=ROWS, columns=ROWS, bonus=torch.zeros(1, 1, 1)),)}, "bonus has the shape"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(changes, message):
    query, key, value = inputs(4, 1, 4, 12)
    index = replace(BlockIndex(block=4, first=2, visits=VISITS), **changes)
    with pytest.raises(ValueError, match=message):
        attend_blocks(query, key, value, index, scale=0.4)


@pytest.mark.parametrize(
    "bounds", [(torch.zeros(3).long(), torch.zeros(4).long()), (torch.arange(4), -torch.arange(4))]
)
def test_bounds_that_do_not_fit_are_refused(bounds):
    query, key, value = inputs(4, 1, 4, 12)
    with pytest.raises(ValueError, match="never falls"):
        attend_blocks(
            query, key, value, BlockIndex(block=4, first=2, visits=VISITS), scale=0.4, bounds=bounds
        )


def test_no_query_is_refused():
    query, key, value = inputs(1, 1, 0, 4)
    with pytest.raises(ValueError, match="0 rows"):
        attend_blocks(query, key, value, BlockIndex(block=4, first=1, visits=VISITS[:, :0]), scale=0.4)

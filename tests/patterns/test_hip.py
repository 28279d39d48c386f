"""HiP, against a search that reads like the paper."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readings import check_dense, listed, reading
from torch.testing import assert_close

from longspan.patterns.hip import HiP
from tiny import stock_logits, tiny_model, tokens


def search(queries, keys, low, high, kept, width):
    """The blocks that are left of those from low up to high, for some queries of one head."""
    if high - low <= kept:
        return list(range(low, high))
    parts = [(low + (high - low) * i // kept, low + (high - low) * (i + 1) // kept) for i in range(kept)]
    while any(stop - start > 1 for start, stop in parts):
        halves = []
        for start, stop in parts:
            middle = start + (stop - start) // 2
            halves += [(a, b) for a, b in ((start, middle), (middle, stop)) if b > a]

        def score(half):
            block = half[0] + (half[1] - half[0]) // 2
            return (queries @ keys[block * width : (block + 1) * width].T).max().item()

        parts = sorted(halves, key=score, reverse=True)[:kept]
    return sorted(start for start, _ in parts)


def expected(pattern, given):
    """The visits of each head and query block, as lists."""
    rows, keys, width = given.query.shape[1], given.key.shape[1], pattern.width
    first = (keys - rows) // pattern.block
    heads = []
    for head, query in enumerate(given.query):
        blocks = []
        for own in range(first, (keys - 1) // pattern.block + 1):
            limit = own * pattern.block // width
            low = min(limit, math.ceil(pattern.sinks / width))
            high = max(low, limit - math.ceil(pattern.window / width))
            # A place that is not among the queries is taken by the nearest query.
            places = range(
                own * pattern.block + pattern.stride - 1, (own + 1) * pattern.block, pattern.stride
            )
            members = sorted({min(max(place - given.start, 0), rows - 1) for place in places})
            found = search(
                query[members], given.key[head // given.group], low, high, pattern.k // width, width
            )
            blocks.append([*range(low), *found, *range(high, limit)])
        heads.append(blocks)
    return heads


patterns = st.builds(
    HiP,
    k=st.integers(4, 24),
    dense=st.just(0),
    block=st.just(16),
    width=st.sampled_from([1, 2, 4]),
    stride=st.sampled_from([1, 2, 5, 16]),
    sinks=st.integers(0, 9),
    window=st.integers(0, 20),
)


@given(patterns, st.integers(1, 60), st.integers(0, 150), st.integers(0, 99))
def test_visits_are_those_of_a_search_in_loops(pattern, rows, past, seed):
    given = reading(rows, rows + past, seed=seed)
    index = pattern.index(given)
    assert (index.block, index.width, index.first) == (16, pattern.width, past // 16)
    assert listed(index.visits) == expected(pattern, given)


@pytest.mark.parametrize("reaching", [{"k": 256}, {"k": 4, "window": 200}, {"k": 4, "sinks": 200}])
@pytest.mark.parametrize("past", [0, 37])
def test_a_budget_for_everything_is_causal_attention(reaching, past):
    check_dense(HiP(dense=0, block=16, **reaching), reading(90, 90 + past))


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_the_first_layers_are_dense(layer):
    given = reading(150, 190, layer=layer, layers=8)
    if layer < 3:
        check_dense(HiP(k=16, block=16, sinks=2, window=4), given)
    else:
        sparse = HiP(k=16, block=16, sinks=2, window=4).index(given)
        assert torch.equal(sparse.visits, HiP(dense=0, k=16, block=16, sinks=2, window=4).index(given).visits)


def test_a_region_of_matching_keys_is_found():
    given = reading(64, 1024, group=1)
    direction = torch.ones(8)
    given.query[:] = direction + 0.1 * given.query
    given.key[0, 300:332] = 3 * direction
    given.key[1, 700:732] = 3 * direction
    index = HiP(dense=0, k=64, block=16, width=2, sinks=0, window=0).index(given)
    for head, start in enumerate((150, 350)):
        for row in listed(index.visits)[head]:
            # Its edges may lie in a part whose middle is outside.
            assert len(set(range(start, start + 16)) & set(row)) >= 10


def test_query_blocks_are_searched_in_any_batches(monkeypatch):
    given = reading(90, 300)
    pattern = HiP(dense=0, k=16, block=16, sinks=2, window=4)
    whole = pattern.index(given).visits
    monkeypatch.setattr("longspan.patterns.hip._ELEMENTS", 1)
    assert torch.equal(pattern.index(given).visits, whole)


def test_half_precision_is_searched_too():
    given = reading(40, 200, dtype=torch.bfloat16)
    visits = HiP(dense=0, k=16, block=16, sinks=0, window=0).index(given).visits
    assert [[len(row) for row in head] for head in listed(visits)] == [[8, 8, 8]] * 4


@pytest.mark.parametrize("chunk", [16, 50, 2048])
def test_a_session_with_a_budget_for_everything_is_stock(chunk):
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=hip(k=200,dense=0,block=16)", chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 3}, "width=3 does not divide block=64"),
        ({"k": 1}, "k=1 is outside 2"),
        ({"stride": 65}, "stride=65 is outside 1 .. 64"),
        ({"block": 8}, "block=8 is outside 16"),
    ],
)
def test_parameters_that_cannot_be(wrong, message):
    with pytest.raises(ValueError, match=message):
        HiP(**wrong)

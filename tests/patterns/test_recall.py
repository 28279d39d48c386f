"""The share of dense attention that an index covers, against a mask."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import dense_weights, visible
from torch.testing import assert_close

from longspan.kernels.block_index import BlockIndex, Bundle
from longspan.kernels.softmax import Softmax
from longspan.patterns import recall as module
from longspan.patterns.recall import recall

GENERATORS = st.integers(0, 999).map(lambda seed: torch.Generator().manual_seed(seed))


def filled(lists) -> torch.Tensor:
    most = max(len(each) for head in lists for each in head)
    return torch.tensor([[each + [-1] * (most - len(each)) for each in head] for head in lists])


def some(among, generator):
    order = torch.randperm(len(among), generator=generator)
    count = int(torch.randint(len(among) + 1, (), generator=generator))
    return sorted(among[place] for place in order[:count].tolist())


@given(
    st.integers(1, 40),
    st.integers(0, 40),
    st.sampled_from([(8, 8), (8, 4), (6, 2)]),
    st.lists(st.sampled_from([1, 2, 4]), min_size=4, max_size=4),
    st.sampled_from([None, 2.0]),
    GENERATORS,
)
def test_recall_is_the_weight_under_the_mask(rows, past, size, choosers, softcap, generator):
    (block, width), keys = size, rows + past
    first, last = past // block, (keys - 1) // block
    before = [range(own * block) for own in range(first, last + 1)]
    visits = [[some(range(len(each) // width), generator) for each in before] for _ in range(choosers[0])]
    columns = [[some(each, generator) for each in before] for _ in range(choosers[1])]
    members = torch.stack([torch.randperm(rows, generator=generator) for _ in range(choosers[2])])
    bundles = int(torch.randint(1, rows + 1, (), generator=generator))
    bundle = Bundle(
        rows=members[:, : rows // bundles * bundles].unflatten(1, (bundles, -1)),
        columns=filled([[some(range(keys), generator) for _ in range(bundles)] for _ in range(choosers[3])]),
    )
    index = BlockIndex(
        block=block,
        width=width,
        first=first,
        visits=filled(visits),
        columns=filled(columns),
        bundles=(bundle,),
    )
    query = torch.randn(4, rows, 8, generator=generator)
    key = torch.randn(2, keys, 8, generator=generator)
    softmax = Softmax(scale=0.7, softcap=softcap)
    held = (dense_weights(query, key, 0.7, softcap) * visible(index, 4, rows, keys)).sum(-1)
    assert_close(recall(query, key, index, softmax=softmax), held.mean(1))
    sample = torch.randperm(rows, generator=generator)[: 1 + rows // 3]
    assert_close(
        recall(query, key, index, softmax=softmax, rows=sample),
        held[:, sample].mean(1),
    )


def test_looking_at_few_weights_at_a_time_changes_nothing(monkeypatch):
    query, key = torch.randn(2, 50, 4), torch.randn(1, 90, 4)
    index = BlockIndex(block=16, first=2, visits=torch.tensor([[[0], [1], [0], [2]]]))
    whole = recall(query, key, index, softmax=Softmax(scale=0.5))
    monkeypatch.setattr(module, "_WEIGHTS", 1)
    assert_close(recall(query, key, index, softmax=Softmax(scale=0.5)), whole)


def test_no_rows_are_refused():
    index = BlockIndex(block=16, first=0, visits=torch.zeros(1, 1, 0, dtype=torch.int64))
    with pytest.raises(ValueError, match="rows has 0 numbers"):
        recall(
            torch.ones(1, 4, 2),
            torch.ones(1, 4, 2),
            index,
            softmax=Softmax(scale=1.0),
            rows=torch.zeros(0).long(),
        )

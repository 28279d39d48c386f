"""Heads of all layers compete, against a loop."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.policies.allocators.model_wide import ModelWide


@st.composite
def layers(draw):
    """Scores of some layers with rows of different length, no two alike."""
    shapes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12)), min_size=1, max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    scores = [torch.rand(*shape, generator=generator) for shape in shapes]
    for layer in scores:
        for row in layer:
            row[draw(st.integers(1, len(row))) :] = -torch.inf
            row[: draw(st.integers(0, 1))] = torch.inf
    return scores


def naive_shares(scores, budget, floor):
    """Every row's best within its floor, then the best of the model, one by one."""
    rows = [[each for each in row.tolist() if each > -torch.inf] for layer in scores for row in layer]
    ranked = [sorted(row, reverse=True) for row in rows]
    counts = [min(int(budget * floor), len(row)) for row in rows]
    while sum(counts) < min(budget * len(rows), sum(map(len, rows))):
        left = [row[count] if count < len(row) else -1.0 for row, count in zip(ranked, counts, strict=True)]
        counts[left.index(max(left))] += 1
    return counts


@given(layers(), st.integers(1, 12), st.sampled_from([0.0, 0.3, 1.0]))
def test_shares_are_those_of_a_loop(scores, budget, floor):
    shares = ModelWide(floor=floor).shares(scores, budget)
    assert [len(share) for share in shares] == [len(layer) for layer in scores]
    exists = torch.cat([(layer > -torch.inf).sum(1) for layer in scores])
    given_out = torch.cat(shares).minimum(exists).tolist()
    assert given_out == naive_shares(scores, budget, floor)


def test_one_layer_alone_shares_its_own_budget():
    scores = torch.tensor([[3.0, 2.0, 1.0], [0.3, 0.2, 0.1]])
    assert ModelWide().counts(scores, 2, None).tolist() == [3, 1]
    assert ModelWide(floor=1.0).counts(scores, 2, None).tolist() == [2, 2]

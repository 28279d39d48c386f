"""Round Attention: rounds as groups, and the weight that they hold; against loops."""

import math
from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from visits import around, choice, random

from longspan.scene import Notes
from longspan.selectors.round_attention import RoundAttention


@given(st.sets(st.integers(1, 58), max_size=8), st.floats(0.05, 1.0), st.integers(0, 999))
def test_the_fewest_rounds_that_hold_a_share_of_the_weight(begins, share, seed):
    length = 60
    begins = [0, *sorted(begins)]
    notes = Notes()
    selector = RoundAttention(watershed=1, share=share)
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    rounds = [range(*pair) for pair in pairwise(begins)]
    facts = {"rounds": begins, "notes": notes}
    assert choice(selector, query, keys, layer=1, **facts) == [list(range(length))] * 4
    weights = [0.0] * len(rounds)
    for head in range(4):
        exponents = [
            math.exp(float(query[head] @ key) / math.sqrt(8)) for key in keys[head // 2, : begins[-1]]
        ]
        for number, each in enumerate(rounds):
            weights[number] += sum(exponents[each.start : each.stop]) / sum(exponents) / 4
    chosen, held = [], 0.0
    for number in sorted(range(len(rounds)), key=weights.__getitem__, reverse=True):
        if chosen and held >= share - 1e-6:
            break
        chosen.append(rounds[number])
        held += weights[number]
    expected = [around(0, chosen, begins[-1], length)] * 4
    for layer in (2, 3):
        others = random(2, length, 8, seed=seed + layer)
        assert choice(selector, -query, others, layer=layer, **facts) == expected


def test_layers_before_the_watershed_visit_everything():
    assert [RoundAttention(watershed=0.5).skips(layer, 6) for layer in range(6)] == [True] * 3 + [False] * 3
    assert [RoundAttention(watershed=1).skips(layer, 3) for layer in range(3)] == [True, False, False]


def test_rounds_of_rows_that_hold_different_entries():
    """Where a policy has left each row other tokens, a round is what each row still has of it."""
    keys, query = random(2, 6, 8, seed=0), random(2, 8, seed=1)
    positions = torch.tensor([[0, 1, 10, 11, 12, 30], [0, 10, 11, 12, 20, 30]])
    facts = {"rounds": [0, 10, 20], "positions": lambda: positions, "notes": Notes(), "start": 30}
    selector = RoundAttention(watershed=0, share=0.01)
    choice(selector, query, keys, layer=0, **facts)
    first, second = choice(selector, query, keys, layer=1, **facts)
    # Row 0 has its first round at entries 0 and 1, row 1 at entry 0; the last round begins at entry 4 of row 1.
    assert (first, second) in (([0, 1, 4, 5], [0, 4, 5]), ([2, 3, 4, 5], [1, 2, 3, 4, 5]))

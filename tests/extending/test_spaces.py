"""Candidates of both methods stay where they may be, whatever they come from."""

import math
from itertools import pairwise
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scripted import LONGROPE, LONGROPE2, ROPE, SCALE

from longspan.extending.drawing import Drawing, rising
from longspan.extending.longrope import FIRST, LongRoPESpace
from longspan.extending.longrope2 import LongRoPE2Space
from longspan.positions.ntk import NTK
from longspan.positions.yarn import YaRN
from ropes import BASES, CHANNELS, WINDOWS, stock_rope

seeds = st.integers(0, 10**6)
scales = st.sampled_from([1.0001, 1.01, 10_000 / 8192, 1.5, 8.0, 64.0]) | st.floats(1.001, 70)
rising_factors = st.lists(st.floats(1, 5), min_size=1, max_size=12).map(rising)


def ordered(factors) -> bool:
    return all(before <= each for before, each in pairwise(factors))


@given(rising_factors, rising_factors, seeds, st.floats(0, 1))
def test_drawing_keeps_order_and_bounds(factors, others, seed, chance):
    drawing = Drawing(low=1.0, high=5.0, chance=chance)
    others = (others * len(factors))[: len(factors)]
    for changed in (
        drawing.mutated(factors, Random(seed)),
        drawing.crossed(factors, others, Random(seed)),
    ):
        assert ordered(changed)
        assert changed[0] >= 1.0
        assert changed[-1] <= 5.0
        assert len(changed) == len(factors)


@given(st.floats(1, 9), st.floats(0, 4), seeds)
def test_a_value_between_two_is_whole_steps_from_the_lower(below, wide, seed):
    drawn = Drawing(low=1, high=99).between(below, below + wide, Random(seed))
    steps = (drawn - below) / 0.01
    assert below <= drawn <= below + wide
    assert steps == pytest.approx(round(steps), abs=1e-3)


def test_every_pair_and_every_value_can_be_drawn():
    drawing = Drawing(low=1.0, high=1.05, step=0.01, chance=0.5)
    drawn = [drawing.mutated([1.0, 1.02, 1.05], Random(seed)) for seed in range(500)]
    for pair, values in enumerate([{1.0, 1.01, 1.02}, {1.0, 1.01, 1.02, 1.03, 1.04, 1.05}]):
        assert {each[pair] for each in drawn} >= values


def test_nothing_changes_without_chance_and_only_what_keeps_the_order_is_taken_over():
    never, always = (Drawing(low=1, high=9, chance=chance) for chance in (0, 1))
    assert never.mutated([1, 2, 3], Random(0)) == never.crossed([1, 2, 3], [2, 2, 2], Random(0)) == [1, 2, 3]
    assert always.crossed([1, 2, 3], [1.5, 2.5, 2.2], Random(0)) == [1.5, 2.5, 3]


@pytest.mark.parametrize("space", [LongRoPESpace, LongRoPE2Space])
@given(CHANNELS, BASES, WINDOWS, scales, seeds, st.integers(4, 80))
def test_candidates_stay_in_their_space(space, channels, base, window, scale, seed, most):
    own, random = space(rope=stock_rope(channels, base, window), scale=scale), Random(seed)
    family = own.starts(random, most)
    assert 1 <= len(family) <= most
    for _ in range(8):
        family.append(own.mutated(random.choice(family), random))
        family.append(own.crossed(random.choice(family), random.choice(family), random))
    for each in family:
        assert len(each.factors) == channels // 2
        assert ordered(each.factors)
        assert each.factors[0] >= 1
        positions = own.positions(each)
        assert positions.scale == scale
        target = round(window * scale)
        assert positions.window(window) == target
        if space is LongRoPESpace:
            assert each.factors[-1] <= 1.25 * scale + 1e-5
            assert each.first in FIRST
            assert positions.first == each.first
        else:
            critical, slow = each.critical, each.factors[each.critical :]
            assert own.first_critical <= critical <= own.theoretical
            assert scale <= slow[0] <= slow[-1] <= 2 * scale
            for pair in range(critical):
                assert each.factors[pair] == pytest.approx(slow[0] ** (pair / critical), abs=1e-5)


@given(seeds)
def test_the_same_seed_gives_the_same_children(seed):
    for space in (LONGROPE, LONGROPE2):
        first, *_, last = space.starts(Random(seed), 8)
        assert space.mutated(first, Random(seed)) == space.mutated(first, Random(seed))
        assert space.crossed(first, last, Random(seed)) == space.crossed(first, last, Random(seed))


def test_longrope_begins_with_pi_ntk_and_yarn():
    starts = {each.origin: torch.tensor(each.factors) for each in LONGROPE.starts(Random(0), 4)}
    assert list(starts) == ["PI", "NTK", "YaRN"]
    torch.testing.assert_close(starts["PI"], torch.full((8,), SCALE))
    torch.testing.assert_close(starts["NTK"], SCALE ** (torch.arange(8) / 7), atol=1e-5, rtol=0)
    for name, scheme in (("NTK", NTK(factor=SCALE)), ("YaRN", YaRN(factor=SCALE))):
        torch.testing.assert_close(
            ROPE.inv_freq / starts[name], scheme.rope(ROPE).inv_freq, atol=1e-6, rtol=1e-5
        )


@pytest.mark.parametrize(
    ("channels", "base", "window", "theoretical", "found"),
    [(96, 1e4, 2048, 31, 25), (128, 5e5, 8192, 35, 30)],
)
def test_critical_pairs_are_those_of_the_paper(channels, base, window, theoretical, found):
    """Section 2.1 and 3.2 of LongRoPE2: Phi3-mini and LLaMA3-8B."""
    space = LongRoPE2Space(rope=stock_rope(channels, base, window), scale=16)
    assert space.theoretical == theoretical
    assert space.theoretical == math.ceil(channels / 2 * math.log(window / 2 / math.pi, base))
    assert space.first_critical == math.ceil(channels / 2 * math.log(window / 2 / math.pi / 10, base))
    assert space.first_critical <= found < space.theoretical
    assert found in [each.critical for each in space.starts(Random(0), 64)]


def test_few_starts_are_spread_over_all_critical_pairs():
    space = LongRoPE2Space(rope=stock_rope(128, 5e5, 8192), scale=16)
    criticals = [each.critical for each in space.starts(Random(0), 4)]
    assert criticals[0] == space.first_critical
    assert criticals[-1] > (space.first_critical + space.theoretical) / 2
    assert len(criticals) == 4

"""Stretches of text that stay or go together."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kept import kept
from sight import sight

from longspan.policies.units.chunk import Chunk
from longspan.policies.units.round import Round
from longspan.policies.view import View
from tiny import tiny_model, tokens


@st.composite
def scored(draw: st.DrawFn) -> tuple[View, torch.Tensor, list[int]]:
    """Rows with gaps, their scores with some that must stay, and the positions at which rounds begin."""
    seen = draw(st.integers(1, 40))
    rows = [
        sorted({*draw(st.sets(st.integers(0, seen - 1), max_size=30)), seen - 1})
        for _ in range(draw(st.integers(1, 3)))
    ]
    rounds = sorted({0, *draw(st.sets(st.integers(0, seen - 1), max_size=5))})
    view = sight(rows, rounds=rounds)
    scores = torch.rand(
        view.positions.shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))
    )
    for row, positions in enumerate(rows):
        scores[row, sorted(draw(st.sets(st.integers(0, len(positions) - 1), max_size=4)))] = torch.inf
    return view, view.only_entries(scores), rounds


def stretches(view: View, unit: Chunk | Round, rounds: list[int]) -> list[list[int]]:
    """The number of each entry's stretch, by row."""
    return [
        [
            position // unit.size if isinstance(unit, Chunk) else sum(begin <= position for begin in rounds)
            for position in row[:length]
        ]
        for row, length in zip(view.positions.tolist(), view.lengths, strict=True)
    ]


@pytest.mark.parametrize("unit", [Chunk(size=5), Chunk(size=1), Round()])
@given(scored())
def test_entries_of_a_stretch_share_their_mean_over_all_heads(unit, given_scores):
    view, scores, rounds = given_scores
    members: dict[int, list[float]] = {}
    numbers = stretches(view, unit, rounds)
    for row, each in enumerate(numbers):
        for place, number in enumerate(each):
            if math.isfinite(scores[row, place]):
                members.setdefault(number, []).append(float(scores[row, place]))
    pooled = unit.pool(scores, view)
    assert torch.equal(pooled.isposinf(), scores.isposinf())
    assert torch.equal(pooled.isneginf(), scores.isneginf())
    for row, each in enumerate(numbers):
        for place, number in enumerate(each):
            if math.isfinite(scores[row, place]):
                expected = sum(members[number]) / len(members[number])
                assert float(pooled[row, place]) == pytest.approx(expected, rel=1e-5)


def naive_choice(scores: list[float], numbers: list[int], count: int) -> list[int]:
    """What must stay, then whole stretches, best first, as they fit; if none does, the end of the best."""
    chosen = {place for place, score in enumerate(scores) if score == math.inf}
    room = count - len(chosen)
    best = sorted(
        set(numbers), key=lambda number: -max(s for s, n in zip(scores, numbers, strict=True) if n == number)
    )
    rest = {
        number: [place for place, each in enumerate(numbers) if each == number and place not in chosen]
        for number in best
    }
    whole = False
    for number in best:
        if rest[number] and len(rest[number]) <= room:
            chosen.update(rest[number])
            room -= len(rest[number])
            whole = True
    cut = next((rest[number] for number in best if rest[number]), [])
    if not whole and room:
        chosen.update(cut[-room:])
    return sorted(chosen)


@pytest.mark.parametrize("unit", [Chunk(size=5), Chunk(size=1), Round()])
@given(scored(), st.data())
def test_stretches_are_chosen_as_a_loop_chooses_them(unit, given_scores, data):
    view, scores, rounds = given_scores
    pooled = unit.pool(scores, view)
    for row, (numbers, length) in enumerate(zip(stretches(view, unit, rounds), view.lengths, strict=True)):
        must = int(pooled[row].isposinf().sum())
        count = data.draw(st.integers(must, length))
        chosen = unit.choose(pooled[row, :length], count, view, row)
        assert chosen.dtype == torch.int64
        assert chosen.tolist() == naive_choice(pooled[row, :length].tolist(), numbers, count)
        assert must <= len(chosen) <= count
        if count == length:
            assert chosen.tolist() == list(range(length))
        if isinstance(unit, Chunk) and unit.size == 1:
            assert len(chosen) == count


def test_more_that_must_stay_than_may_stay_is_cut_to_the_budget():
    view = sight([range(10)])
    assert len(Chunk(size=4).choose(torch.full((10,), torch.inf), 6, view, 0)) == 6


@pytest.mark.parametrize("when", ["end", "chunk"])
def test_sessions_keep_whole_chunks_and_the_window(when):
    plan = f"policy=chunkkv(budget=60,window=8,unit=chunk(size=10),when={when})"
    with tiny_model().session(plan, chunk=64) as session:
        for layer in kept(session.read(tokens(195))):
            for row in layer:
                assert row == layer[0]
                assert 60 - 10 < len(row) <= 60
                assert row[-15:] == list(range(180, 195))  # the window's own chunks, the last one incomplete
                counts = torch.tensor(row).div(10, rounding_mode="floor").unique(return_counts=True)[1]
                if when == "end":
                    assert counts.tolist() == [10] * (len(counts) - 1) + [5]


def test_sessions_keep_whole_rounds():
    with tiny_model().session("policy=snapkv(budget=130,window=8,unit=round)", chunk=64) as session:
        for text in ("What is a lamp?", "And a keeper? Tell me more about him.", "Who was here first?"):
            session.ask(text, max_new_tokens=12)
        rounds = session.sequences[0].rounds
        spans = [range(*each) for each in pairwise([*rounds, session.seen[0]])]
        rows = [row for layer in kept(session) for row in layer]
    first, second, last = spans
    for row in rows:
        alive = {position for position in row if position not in last}
        assert alive in ({*first}, {*second})  # there is room for one of the two
        assert {*range(last.start, max(row) + 1)} <= {*row}

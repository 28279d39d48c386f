"""LaCache's ladders, against a loop of the published rule over all layers at once."""

from functools import cache
from math import ceil

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from kept import kept
from sight import sight

from longspan.plan import Plan
from longspan.policies.allocators.ladder import Cursor, Ladder
from longspan.policies.lacache import LaCache
from tiny import model_of, tiny_network, tokens

SINKS = 4


class Published:
    """The rule: a cursor that all layers share, ladders from there on, and wider ones when they start over.

    Raises IndexError or ZeroDivisionError for what the rule cannot do.
    """

    def __init__(self, size: int, layers: int, span: int) -> None:
        self.before = 1 + ceil((layers - span) / span)
        self.cut = self.before - 1  # without overlap a layer keeps one token of a ladder
        self.size, self.layers, self.cursor = size + self.cut // 2, layers, SINKS
        self.rows: list[list[int]] = [[] for _ in range(layers)]

    def read(self, positions: range) -> None:
        for row in self.rows:
            row.extend(positions)
        surplus = len(self.rows[0]) - self.size
        if surplus <= 0:
            return
        room = self.size - self.cursor - self.layers
        if surplus <= room * self.cut:
            ladders = ceil(surplus / self.cut)
            self._lay(self.cursor, ladders, self.before)
            self.cursor += ladders
            return
        self._lay(self.cursor, room, self.before)
        left = surplus - room * self.cut
        times = ceil(left / ((self.size - SINKS - self.layers) * self.cut))
        width = self.before + (times - 1) * (self.before - 1)
        ladders = ceil(left / (width - 1))
        self._lay(SINKS, ladders, width)
        self.cursor = SINKS + ladders

    def _lay(self, start: int, ladders: int, width: int) -> None:
        for layer, row in enumerate(self.rows):
            rungs = [row[start + layer % width + width * ladder] for ladder in range(ladders)]
            self.rows[layer] = row[:start] + rungs + row[start + width * ladders :]


def published(length: int, chunk: int, size: int, layers: int, span: int) -> list[list[int]]:
    cache = Published(size, layers, span)
    for start in range(0, length, chunk):
        cache.read(range(start, min(length, start + chunk)))
    return cache.rows


def mine(length: int, chunk: int, size: int, layers: int, **ladder: int) -> list[list[int]]:
    """What `LaCache` keeps by layer, asked as a session asks it."""
    policy, rows = LaCache(budget=size, allocator=Ladder(**ladder)), []
    for layer in range(layers):
        row, cursor = torch.empty(0, dtype=torch.long), Cursor()
        for start in range(0, length, chunk):
            row = torch.cat((row, torch.arange(start, min(length, start + chunk))))
            view = sight([row.tolist()], layer=layer, layers=layers, allocation=cursor)
            budget = policy.allocator.layer_budget(policy.limit(view.scene.seen), view)
            if len(row) > budget:
                scores = policy.ranked(view, budget)
                count = int(policy.allocator.counts(scores, budget, view))
                row = row[scores[0].topk(count).indices.sort().values]
        rows.append(row.tolist())
    return rows


@pytest.mark.parametrize(
    ("length", "chunk", "size", "together"), [(8192, 8192, 512, 8136), (8192, 2048, 1024, 3329)]
)
def test_layers_together_cover_the_text_as_the_authors_do(length, chunk, size, together):
    rows = mine(length, chunk, size, 32)
    assert rows == published(length, chunk, size, 32, 16)
    assert len({position for row in rows for position in row}) == together


def test_old_text_thins_out_as_with_the_authors():
    rows = mine(8192, 128, 512, 32)
    assert rows == published(8192, 128, 512, 32, 16)
    assert [sum(place // 1024 == eighth for place in rows[0]) for eighth in range(8)] == [
        *(5, 0, 0, 0, 3, 11, 48, 445)
    ]


@given(st.integers(2, 12), st.data())
def test_ladders_are_those_of_the_rule(layers, data):
    span = data.draw(st.integers(1, layers - 1))
    size = data.draw(st.integers(layers + SINKS + 1, 60))
    length = data.draw(st.integers(size, 240))
    chunk = data.draw(st.sampled_from([3, 16, length]))
    try:
        expected = published(length, chunk, size, layers, span)
    except (IndexError, ZeroDivisionError):
        assume(False)
    assert mine(length, chunk, size, layers, span=span) == expected


@given(st.integers(1, 12), st.data())
def test_a_layer_is_within_its_budget_whatever_the_sizes(layers, data):
    span = data.draw(st.integers(1, 14))
    overlap = data.draw(st.integers(0, span - 1))
    size, length = data.draw(st.integers(5, 30)), data.draw(st.integers(1, 120))
    rows = mine(length, data.draw(st.integers(1, 60)), size, layers, span=span, overlap=overlap)
    cut = max(0, ceil((layers - span) / (span - overlap)))
    for row in rows:
        assert row == sorted(set(row))
        assert row[:SINKS] == list(range(min(SINKS, length)))
        assert len(row) <= min(length, size + cut // 2)
        if span >= layers:
            assert row == [*range(SINKS), *range(max(SINKS, length - size + SINKS), length)][:length]


@cache
def eight_layers():
    return model_of(tiny_network("llama", num_hidden_layers=8))


def session(plan: str, chunk: int):
    return eight_layers().session(plan, chunk=chunk)


@pytest.mark.parametrize("chunk", [4, 150, 400])
def test_sessions_keep_what_the_rule_keeps(chunk):
    with session("policy=lacache(budget=100,allocator=ladder(span=2))", chunk) as reading:
        rows = kept(reading.read(tokens(400)))
    expected = published(400, chunk, 100, 8, 2)
    assert rows == [[row, row] for row in expected]
    if chunk == 4:
        assert len({position for row in expected for position in row}) == 268


def test_forked_and_generating_sessions_know_how_far_the_ladders_came():
    plan = "policy=lacache(budget=40,allocator=ladder(span=2))"
    model = model_of(tiny_network("llama", num_hidden_layers=8))
    cache = Published(40, 8, 2)
    for start in range(0, 150, 16):
        cache.read(range(start, min(150, start + 16)))
    with model.session(plan, chunk=16) as reading:
        reading.read(tokens(150))
        twin = reading.fork()
        for each in (reading, twin):
            made = [step.token for step in each.generate(max_new_tokens=30)]
            each.logits(tokens(5, seed=1))
        assert len(made) == 30
        for position in range(150, 180):
            cache.read(range(position, position + 1))
        cache.read(range(180, 185))
        for each in (reading, twin):
            assert kept(each) == [[row, row] for row in cache.rows]
            each.close()


def test_sequences_side_by_side_have_ladders_of_their_own():
    model = model_of(tiny_network("llama", num_hidden_layers=8))
    plan = "policy=lacache(budget=40,allocator=ladder(span=2))"
    with model.session(plan, size=2, chunk=16) as both:
        both.read([tokens(150), tokens(90)])
        for sequence, length in enumerate((150, 90)):
            assert kept(both, sequence) == [[row, row] for row in published(length, 16, 40, 8, 2)]


def test_other_scorers_take_ladders_and_keep_what_must_stay():
    with session("policy=snapkv(budget=60,window=8,when=chunk,allocator=ladder(span=2))", 16) as reading:
        rows = kept(reading.read(tokens(200)))
    assert {len(row) for layer in rows for row in layer} <= {58, 59, 60, 61}
    assert all(row[-8:] == list(range(192, 200)) for layer in rows for row in layer)
    assert len({tuple(layer[0]) for layer in rows}) == 4  # a ladder has four places
    assert Plan.parse("policy=lacache(when=end)").policy.when == "end"

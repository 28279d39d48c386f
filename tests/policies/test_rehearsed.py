"""Policies for which the model reads something more and forgets it, against loops."""

from copy import deepcopy
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from passage import Passage
from test_tracked import chosen
from torch.testing import assert_close

from longspan.policies.expected_attention import ExpectedAttention
from longspan.policies.finch import Finch
from longspan.policies.h2o import H2O
from longspan.policies.kvzip import REPEAT, REPEAT_PART, KVzip
from longspan.policies.tracker import Script

ANSWER = "\nassistant: "


def script(ids=(), question=(), chunk=64) -> Script:
    """Text is encoded as its characters."""
    reply = [*map(ord, ANSWER)]
    return Script(ids=ids, question=question, encode=lambda text: [*map(ord, text)], chunk=chunk, reply=reply)


# KVzip


def test_kvzip_repeats_the_text_piece_by_piece_from_the_end():
    ids = list(range(25))
    first, second, third = reversed([*KVzip(chunk=10, tail=3).rehearsals(script(ids))])
    encode = script().encode
    assert first == encode(REPEAT) + encode(ANSWER) + ids[:10]
    assert second == [*encode(REPEAT_PART), 7, 8, 9, *encode(ANSWER), *ids[10:20]]
    assert third == [*encode(REPEAT_PART), 17, 18, 19, *encode(ANSWER), *ids[20:]]


@given(st.integers(0, 50), st.integers(1, 12), st.integers(1, 20))
def test_kvzip_repeats_new_tokens_only_where_it_acts_after_each_chunk(count, piece, chunk):
    ids = list(range(1000, 1000 + count))
    repeated = [*KVzip(chunk=piece, tail=0, when="chunk").rehearsals(script(ids, chunk=chunk))]
    prompts = len(ANSWER) + len(REPEAT), len(ANSWER) + len(REPEAT_PART)
    texts = [each[prompts[0 if 1000 in each else 1] :] for each in repeated][::-1]
    old = max(0, count - chunk) // piece * piece
    assert [*chain(*texts)] == ids[old:]
    assert all(len(text) == piece for text in texts[:-1])


def naive_largest(passage: Passage, row: int, position: int, chunk: int, sinks: int, text: int) -> float:
    """The largest weight of an entry in the rehearsals of its piece, −1 if there was none. text: tokens read."""
    pieces = -(-text // chunk)
    weights, piece = [-1.0], pieces
    for each in passage.passes:
        if not each.rehearsed:
            piece = pieces
            continue
        piece -= each.at[0] == text
        start = piece * chunk

        def near(at, start=start):
            return at < sinks or start <= at < start + chunk or at >= text

        if start <= position < start + chunk and position in each.rows[row]:
            for head in range(row * passage.group, (row + 1) * passage.group):
                weights += [each.weights(number, head, near)[position] for number in range(len(each.at))]
    return max(weights)


@given(st.data(), st.integers(1, 2), st.integers(1, 2), st.integers(2, 7), st.integers(0, 2))
def test_kvzip_scores_are_those_of_a_loop(data, rows, group, chunk, sinks):
    policy = KVzip(chunk=chunk, sinks=sinks)
    passage = Passage(policy.tracking.tracker(), rows, group, seed=data.draw(st.integers(0, 99)))
    text = data.draw(st.integers(3, 15))
    passage.read(text - 2)
    passage.keep(data.draw(chosen(map(len, passage.rows))))
    passage.read(1, 1)
    for _ in range(data.draw(st.integers(0, -(-text // chunk)))):
        passage.rehearse(*data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)))
    scores = policy.scores(passage.view())
    for row, positions in enumerate(passage.rows):
        for place, position in enumerate(positions):
            largest = naive_largest(passage, row, position, chunk, sinks, text)
            expected = 1.0 + position if largest < 0 else largest
            expected = float("inf") if position < sinks else expected
            assert_close(scores[row, place].item(), expected, atol=1e-6, rtol=1e-5)


def test_what_was_never_repeated_comes_first_and_the_latest_of_it():
    policy = KVzip(chunk=50, sinks=2)
    passage = Passage(policy.tracking.tracker(), 2, 2)
    passage.read(30)
    passage.rehearse(8)
    passage.read(4)  # generated
    order = policy.scores(passage.view()).argsort(descending=True, stable=True)
    assert order[:, :6].tolist() == [[0, 1, 33, 32, 31, 30]] * 2


def test_a_second_round_of_rehearsals_starts_from_the_new_end():
    policy = KVzip(chunk=10, sinks=0)
    passage = Passage(policy.tracking.tracker(), 1, 1)
    passage.read(10)
    passage.rehearse(3)
    before = policy.scores(passage.view())
    passage.read(5)
    passage.rehearse(4)  # of the second piece, 10 .. 14
    after = policy.scores(passage.view())
    assert torch.equal(after[:, :10], before)
    assert (after[:, 10:] < 1).all()


# Finch


def naive_guidance(passages: list, passage: Passage, row: int, position: int, normalize: bool) -> float:
    """What an entry gets from each query, times the entries that this query sees, mean over queries and heads."""
    paid = []
    for each in passages:
        for number in range(len(each.at)):
            for head in range(row * passage.group, (row + 1) * passage.group):
                weights = each.weights(number, head)
                paid.append(weights[position] * (len(weights) if normalize else 1))
    return sum(paid) / len(paid)


@given(st.data(), st.integers(1, 2), st.integers(1, 2), st.booleans())
def test_finch_scores_by_the_question(data, rows, group, normalize):
    policy = Finch(normalize=normalize, window=2)
    passage = Passage(policy.tracking.tracker(), rows, group, seed=data.draw(st.integers(0, 99)))
    passage.read(data.draw(st.integers(1, 9)))
    passage.rehearse(3)  # of an earlier chunk
    passage.keep(data.draw(chosen(map(len, passage.rows))))
    passage.read(data.draw(st.integers(1, 9)))
    counts = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    passage.rehearse(*counts)
    question = passage.passes[-len(counts) :]
    scores = policy.scores(passage.view(observed=2))
    for row, positions in enumerate(passage.rows):
        expected = [naive_guidance(question, passage, row, position, normalize) for position in positions]
        assert_close(scores[row, : len(positions)], torch.tensor(expected), atol=1e-6, rtol=1e-5)


@given(st.integers(3, 12), st.booleans(), st.integers(0, 99))
def test_without_a_question_finch_scores_by_the_last_queries(count, rehearsed, seed):
    policy = Finch(window=3)
    passage = Passage(policy.tracking.tracker(), 2, 2, seed=seed)
    passage.read(count)
    if rehearsed:
        passage.rehearse(2)
    passage.read(3)
    scores = policy.scores(passage.view(observed=3))
    for row in range(2):
        expected = [naive_guidance(passage.passes[-1:], passage, row, at, True) for at in range(count)]
        assert_close(scores[row, :count], torch.tensor(expected), atol=1e-6, rtol=1e-5)
    assert scores[:, count:].isinf().all()


def test_finch_rehearses_the_question_where_there_is_one():
    assert [*Finch().rehearsals(script(range(9), question=[4, 5]))] == [[4, 5]]
    assert [*Finch().rehearsals(script(range(9)))] == []


# State


POLICIES = [H2O(), ExpectedAttention(sinks=2), KVzip(chunk=8, sinks=2), Finch(window=2)]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
@given(st.data())
def test_a_tracker_that_was_saved_goes_on_as_it_was(policy, data):
    passage = Passage(policy.tracking.tracker(), 2, 2)
    steps = {
        "read": lambda: passage.read(data.draw(st.integers(1, 5))),
        "rehearse": lambda: passage.rehearse(data.draw(st.integers(1, 5))),
        "keep": lambda: passage.keep([[*range(0, len(row), 2)] for row in passage.rows]),
    }
    passage.read(9)
    for step in data.draw(st.lists(st.sampled_from(sorted(steps)), max_size=3)):
        steps[step]()
    restored = policy.tracking.tracker()
    restored.load({name: tensor.clone() for name, tensor in passage.tracker.tensors().items()})
    assert restored.nbytes == passage.tracker.nbytes
    twin = deepcopy(passage)
    twin.tracker = restored
    for each in (passage, twin):
        each.read(2)
        each.rehearse(3)
    scores = [policy.scores(each.view(observed=2)) for each in (passage, twin)]
    assert torch.equal(*scores)

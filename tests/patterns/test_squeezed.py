"""Squeezed Attention while reading, against its formulas in loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readings import check_dense, listed, reading
from torch.testing import assert_close

from longspan.kernels.clusters import kmeans
from longspan.patterns.base import PatternView
from longspan.patterns.squeezed import Squeezed
from tiny import stock_logits, tiny_model, tokens


def clusters_of(pattern, key, segments):
    """The clusters of one KV head: lists of keys, in the order of their numbers."""
    count = max(1, round(pattern.clusters * pattern.segment))
    found = []
    for number in range(segments):
        part = slice(number * pattern.segment, (number + 1) * pattern.segment)
        _, labels = kmeans(key[None, part], count, iterations=pattern.iterations, seed=0, cosine=True)
        found += [[part.start + i for i, label in enumerate(labels[0]) if label == c] for c in range(count)]
    return found


def expected(pattern, given):
    """Columns, and the first key visited in whole blocks, of each head and query block."""
    rows, keys, block = given.query.shape[1], given.key.shape[1], pattern.block
    heads, softcap = len(given.query), given.scene.softmax.softcap
    columns, first = [[] for _ in range(heads)], []
    for own in range(given.start // block, (keys - 1) // block + 1):
        segments = max(0, own * block - pattern.local) // pattern.segment
        first.append(segments * pattern.segment)
        members = range(max(0, own * block - given.start), min(rows, (own + 1) * block - given.start))
        weighed = []
        for head in range(heads):
            key = given.key[head // given.group]
            clusters = [members for members in clusters_of(pattern, key, segments) if members]
            centroids = [key[each].mean(0) for each in clusters]
            weights = torch.zeros(len(clusters))
            for row in members:
                scores = [float(given.query[head, row] @ c) * given.scene.softmax.scale for c in centroids]
                if softcap is not None:
                    scores = [softcap * math.tanh(score / softcap) for score in scores]
                total = sum(len(each) * math.exp(score) for each, score in zip(clusters, scores, strict=True))
                for number, score in enumerate(scores):
                    weights[number] += math.exp(score) / total / len(members)
            weighed += [(float(w), head, each) for w, each in zip(weights, clusters, strict=True)]
        left = heads * segments * pattern.segment * pattern.budget
        visited = [[] for _ in range(heads)]
        for weight, head, each in sorted(weighed, reverse=True):
            left -= len(each)
            if (left < 0) if pattern.threshold is None else (weight <= pattern.threshold):
                break
            visited[head] += each
        for head in range(heads):
            columns[head].append(sorted(visited[head]))
    return columns, first


patterns = st.builds(
    Squeezed,
    clusters=st.sampled_from([0.1, 0.3]),
    budget=st.sampled_from([0.25, 0.5, 1.0]),
    threshold=st.sampled_from([None, None, 0.02]),
    local=st.sampled_from([0, 10]),
    segment=st.sampled_from([16, 48]),
    block=st.just(16),
    iterations=st.integers(0, 3),
)


@given(patterns, st.integers(1, 60), st.integers(0, 100), st.integers(0, 99), st.sampled_from([None, 0.5]))
def test_visits_are_those_of_the_formulas_in_loops(pattern, rows, past, seed, softcap):
    given = reading(rows, rows + past, seed=seed, softcap=softcap)
    index = pattern.index(given)
    columns, first = expected(pattern, given)
    if index.columns is None:
        assert first[-1] == 0
    else:
        assert listed(index.columns) == columns
    own = range(past // 16, past // 16 + len(first))
    assert listed(index.visits) == [[list(range(f // 16, o)) for f, o in zip(first, own, strict=True)]]


@pytest.mark.parametrize("reaching", [{"budget": 1.0}, {"budget": 999}, {"threshold": 0.0}, {"local": 999}])
@pytest.mark.parametrize("past", [0, 37])
def test_a_budget_for_everything_is_causal_attention(reaching, past):
    check_dense(Squeezed(block=16, segment=32, **reaching), reading(150, 150 + past))


def part(whole, start, stop, state):
    return PatternView(
        query=whole.query[:, start:stop],
        key=whole.key[:, :stop],
        scene=whole.scene,
        weights=whole.weights,
        state=state,
    )


def test_what_is_remembered_changes_nothing():
    pattern, whole = Squeezed(block=16, segment=32, local=0), reading(200, 200)
    state = pattern.state()
    for start, stop in ((0, 70), (70, 71), (71, 150), (150, 200)):
        held = state.labels.shape[1]
        once = pattern.index(part(whole, start, stop, state))
        afresh = pattern.index(part(whole, start, stop, None))
        assert torch.equal(once.visits, afresh.visits)
        assert (once.columns is None) == (afresh.columns is None)
        assert once.columns is None or torch.equal(once.columns, afresh.columns)
        assert held <= state.labels.shape[1] <= stop


def test_the_state_is_forked_and_counted():
    pattern, whole = Squeezed(block=16, segment=32, local=0), reading(200, 200)
    state = pattern.state()
    assert state.tensors() == {}
    assert state.nbytes == 0
    pattern.index(part(whole, 0, 100, state))
    fork, again = state.fork(), pattern.state()
    again.load(state.tensors())
    assert fork.nbytes == sum(tensor.nbytes for tensor in state.tensors().values()) > 0
    pattern.index(part(whole, 100, 200, fork))
    pattern.index(part(whole, 100, 200, again))
    assert (state.labels.shape[1], fork.labels.shape[1]) == (96, 192)
    assert all(torch.equal(tensor, again.tensors()[name]) for name, tensor in fork.tensors().items())


def test_keys_that_match_are_found_wherever_they_stand():
    given = reading(64, 1088, group=1)
    direction = torch.ones(8)
    places = torch.randperm(1024, generator=torch.Generator().manual_seed(0))[:40]
    given.query[:] = 3 * direction + 0.1 * given.query
    given.key[:, places] = 3 * direction + 0.1 * given.key[:, places]
    index = Squeezed(block=64, segment=512, local=0, budget=0.2).index(given)
    for head in listed(index.columns):
        assert set(places.tolist()) <= set(head[0])


@pytest.mark.parametrize("rows", [90, 300])
def test_query_blocks_choose_in_any_batches(monkeypatch, rows):
    given, pattern = reading(rows, 300), Squeezed(block=16, segment=32, local=0)
    whole = pattern.index(given).columns
    monkeypatch.setattr("longspan.patterns.squeezed._ELEMENTS", 1)
    assert torch.equal(pattern.index(given).columns, whole)


def test_half_precision_is_clustered_too():
    given = reading(64, 320, dtype=torch.bfloat16)
    index = Squeezed(block=16, segment=64, local=0, budget=64).index(given)
    assert all(0 < len(row) <= 4 * 64 for head in listed(index.columns) for row in head)


@pytest.mark.parametrize("chunk", [16, 50, 2048])
def test_a_session_with_a_budget_for_everything_is_stock(chunk):
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=squeezed(budget=1.0,block=16,segment=32,local=8)", chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"segment": 1000}, "segment=1000 is no multiple of block=128"),
        ({"segment": 64}, "segment=64 is outside 128"),
        ({"threshold": 2.0}, "threshold=2.0 is outside 0.0 .. 1.0"),
        ({"budget": 0}, "budget=0 is outside"),
    ],
)
def test_parameters_that_cannot_be(wrong, message):
    with pytest.raises(ValueError, match=message):
        Squeezed(**wrong)

"""The search for a pattern per head: against a slow one, and on heads of which the answer is known."""

import pytest
import torch
from torch.testing import assert_close

from longspan.patterns.base import PatternView
from longspan.patterns.minference import KINDS, Estimate, MInference
from longspan.plan import Plan
from longspan.profiles import patterns
from longspan.profiles.profiles import prepare
from scenes import scene
from tiny import model_of, tiny_network

SMALL = MInference(block=16, last=32, sure_vertical=2, sure_slash=4, min_slash=4)


def reading(query, key, scale=0.5):
    rows, keys = query.shape[1], key.shape[1]
    scores = query @ key.repeat_interleave(len(query) // len(key), 0).mT * scale
    weights = scores.masked_fill(torch.ones(rows, keys).triu(keys - rows + 1).bool(), -torch.inf).softmax(-1)
    return PatternView(scene=scene(scale=scale), query=query, key=key, weights=lambda some: weights[:, some])


def seen(index, head, row, start):
    """The keys that a query sees."""
    place = start + row
    own = place // index.block
    keys = set(range(own * index.block, place + 1))
    width = index.width or index.block
    for block in index.visits[head, own - index.first].tolist():
        keys |= set(range(block * width, (block + 1) * width)) if block >= 0 else set()
    columns = [] if index.columns is None else index.columns[head, own - index.first].tolist()
    return keys | {column for column in columns if column >= 0}


def test_the_best_candidate_recalls_most_at_equal_cost():
    rows, keys = 120, 200
    generator = torch.Generator().manual_seed(0)
    read = reading(
        torch.randn(4, rows, 8, generator=generator), torch.randn(2, keys, 8, generator=generator), scale=1.0
    )
    found = patterns.search(SMALL, read)
    weights, estimate = read.weights(slice(0, rows)), Estimate(SMALL, read)
    for head in range(4):
        tried, recalls = [], []
        for candidate in patterns.SPACE:
            tried.append(patterns._at_equal_cost(estimate, candidate, read))
            index = estimate.index(tried[-1])
            shares = [
                float(weights[head, row, sorted(seen(index, head, row, keys - rows))].sum())
                for row in range(rows)
            ]
            recalls.append(sum(shares) / rows)
        best = tried[recalls.index(max(recalls))][head]
        kind, *sizes = found[head].tolist()
        assert kind == KINDS.index(best.kind)
        assert sizes == pytest.approx([size / keys * 32_768 for size in best[1:]])


def test_candidates_cost_the_same():
    rows, keys = 500, 1000
    generator = torch.Generator().manual_seed(0)
    read = reading(torch.randn(4, rows, 8, generator=generator), torch.randn(2, keys, 8, generator=generator))
    estimate = Estimate(SMALL, read)
    for candidate in patterns.SPACE:
        index = estimate.index(patterns._at_equal_cost(estimate, candidate, read))
        first, last = (keys - rows) // 16, (keys - 1) // 16
        everything = sum(own * 16 for own in range(first, last + 1))
        for head, visited in enumerate(patterns.visited(index).tolist()):
            counted = 0
            for own in range(first + 1, last + 1):
                counted += sum(
                    key < own * 16 for key in seen(index, head, own * 16 - (keys - rows), keys - rows)
                )
            assert counted <= visited <= counted + keys  # the first query block begins before the first query
            assert 0.15 * everything < visited <= 0.2 * everything


def test_heads_that_are_made_for_a_pattern_get_it():
    keys, dim = 640, 16
    generator = torch.Generator().manual_seed(0)

    def some(*size):
        return torch.randn(*size, dim, generator=generator)

    noise = some(3, keys)
    anyone = some(1)[0]
    vertical = some(keys)
    vertical[torch.randperm(keys, generator=generator)[:40]] += anyone
    queries, held = [anyone.expand(keys, dim)], [vertical]
    code = some(keys + 200)
    queries.append(code[:keys])
    held.append(code[200:])
    topic = some(40).repeat_interleave(16, 0)
    partner = (torch.arange(40) * 7) % 40
    queries.append(topic.unflatten(0, (40, 16))[partner].flatten(0, 1))
    held.append(topic)
    query, key = torch.stack(queries) + 0.3 * noise, torch.stack(held)
    found = patterns.search(SMALL, reading(query[:, keys // 2 :], key, scale=0.8))
    assert [KINDS[int(kind)] for kind in found[:, 0]] == ["vertical-slash", "vertical-slash", "block-sparse"]
    assert found[0, 1] > found[0, 2]  # mostly vertical lines
    assert found[1, 2] > found[1, 1]  # mostly slash lines


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_each_head_of_layers_without_a_window_is_measured(family):
    network = tiny_network(family, max_position_embeddings=320)
    model = model_of(network)
    found = model.profile("patterns")
    assert found.shape == (len(model.seam.layers), 4, 3)
    known = {(KINDS.index(each.kind), round(each.second / each.first, 3)) for each in patterns.SPACE}
    for layer, facts in enumerate(model.seam.layers):
        for kind, first, second in found[layer].tolist():
            if facts.window is None:
                assert (kind, round(second / first, 3)) in known
            else:
                assert kind == first == second == 0
    assert_close(model.profile("patterns"), found)


def test_what_is_asked_for_within_a_pass_is_measured_before_it():
    asked = []
    plans = [Plan.parse("pattern=minference"), Plan.parse("pattern=minference(patterns=a-shape)"), Plan()]
    prepare(plans[:1], asked.append)
    assert asked == ["patterns"]
    prepare(plans[1:], asked.append)
    assert asked == ["patterns"]

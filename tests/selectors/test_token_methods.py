"""Selectors of single tokens against loops that read like their papers."""

import math
from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st
from visits import around, choice, generate, random, top

from longspan.scene import Notes
from longspan.selectors.inter_layer import InterLayer
from longspan.selectors.longcache import LongCache
from longspan.selectors.recycled import Recycled
from longspan.selectors.tokenselect import TokenSelect

SEEDS = st.integers(0, 999)


def weights(query, keys):
    """Attention weights of one query `[dim]` over keys `[n, dim]`."""
    return torch.tensor([float(query @ key) / math.sqrt(len(query)) for key in keys]).softmax(0).tolist()


def voted(query, keys, sinks, stop, budget):
    """The tokens with the largest sum of weights over all heads, among those between sinks and stop."""
    group = len(query) // len(keys)
    matches = [keys[number // group, sinks:stop] @ head for number, head in enumerate(query)]
    each = [match.softmax(0).tolist() for match in matches]  # without 1/√d
    return [[sinks + token] for token in top([sum(column) for column in zip(*each, strict=True)], budget)]


@given(st.integers(1, 12), st.integers(0, 4), st.integers(1, 9), st.integers(30, 60), SEEDS)
def test_tokenselect_counts_soft_votes(budget, sinks, local, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    visited = choice(TokenSelect(budget=budget, sinks=sinks, local=local), query, keys)
    expected = around(sinks, voted(query, keys, sinks, length - local, budget), length - local, length)
    assert visited == [expected] * 4


@given(st.lists(st.sampled_from([0.0, 0.2, 3.0]), min_size=1, max_size=8), SEEDS)
def test_tokenselect_keeps_a_choice_while_queries_are_alike(changes, seed):
    keys, start = random(2, 60, 8, seed=seed), random(4, 8, seed=seed + 1)
    noise = random(len(changes), 4, 8, seed=seed + 2)
    queries = torch.stack([start + change * each for change, each in zip(changes, noise, strict=True)])
    found = list(generate(TokenSelect(budget=6, sinks=2, local=5).summary(), queries, keys, 40))
    last = chosen = None
    for step, query in enumerate(queries):
        entries = 40 + step
        if last is None or float(torch.cosine_similarity(query.flatten(), last.flatten(), dim=0)) <= 0.9:
            last, chosen = query, voted(query, keys, 2, entries - 5, 6)
        assert found[step] == [around(2, chosen, entries - 5, entries)] * 4


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 6), SEEDS)
def test_longcache_visits_spans_around_the_votes(spans, span, best, seed):
    keys, query = random(2, 70, 8, seed=seed), random(4, 8, seed=seed + 1)
    selector = LongCache(spans=spans, span=span, top=best, sinks=3, local=10)
    visited = choice(selector, query, keys)
    middle = range(3, 60)
    votes, weight = Counter(), [0.0] * len(middle)
    for number, head in enumerate(query):
        mine = keys[number // 2, middle.start : middle.stop]
        votes.update(top([float(head @ key) for key in mine], best))
        weight = [a + b / 4 for a, b in zip(weight, weights(head, mine), strict=True)]
    ranking = sorted(votes, key=lambda token: (votes[token], weight[token]), reverse=True)
    entries = {
        min(max(token + offset, 0), len(middle) - 1) + 3
        for token in ranking[:spans]
        for offset in range(-(span // 2), span - span // 2)
    }
    assert visited == [around(3, [sorted(entries)], 60, 70)] * 4


@given(st.integers(1, 6), st.integers(1, 12), SEEDS)
def test_recycled_attends_to_everything_every_few_steps(stride, budget, seed):
    keys, queries = random(2, 60, 8, seed=seed), random(10, 4, 8, seed=seed + 1)
    found = list(generate(Recycled(budget=budget, stride=stride).summary(), queries, keys, 40))
    for step, visited in enumerate(found):
        entries, full = 40 + step, step - step % stride
        if step == full:
            assert visited == [list(range(entries))] * 4
            continue
        stop = 40 + full - 1
        for row in range(2):
            pair = [weights(queries[full, 2 * row + each], keys[row, :stop]) for each in (0, 1)]
            best = top([max(column) for column in zip(*pair, strict=True)], budget)
            expected = around(0, [[token] for token in best], stop, entries)
            assert visited[2 * row] == visited[2 * row + 1] == expected


def test_recycled_chooses_anew_after_more_text():
    keys, query = random(2, 90, 8, seed=0), random(4, 8, seed=1)
    summary = Recycled(budget=4, stride=50).summary()
    first, second = generate(summary, torch.stack([query, query]), keys, 60)
    assert len(first[0]) == 60
    assert len(second[0]) == 4 + 2
    (after,) = generate(summary, query[None], keys, 80)
    assert len(after[0]) == 80


@given(st.integers(1, 12), st.integers(2, 4), SEEDS)
def test_layers_of_a_block_visit_what_the_first_one_attended_to(budget, layers, seed):
    selector = InterLayer(budget=budget, layers=layers, sinks=2, local=5, dense=1)
    notes, best = Notes(), []
    for layer in range(1, 8):
        keys, query = random(2, 40, 8, seed=seed + layer), random(4, 8, seed=seed + 100 + layer)
        visited = choice(selector, query, keys, layer=layer, notes=notes)
        if (layer - 1) % layers == 0:
            assert visited == [list(range(40))] * 4
            pairs = [[weights(query[2 * row + each], keys[row, 2:35]) for each in (0, 1)] for row in range(2)]
            best = [top([max(column) for column in zip(*pair, strict=True)], budget) for pair in pairs]
        else:
            for head in range(4):
                expected = around(2, [[2 + token] for token in best[head // 2]], 35, 40)
                assert visited[head] == expected
    assert selector.skips(0, 8)
    assert not selector.skips(1, 8)

"""Selectors of blocks against loops that read like their papers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from visits import around, choice, generate, random, read, runs, top, visit

from longspan.scene import Notes
from longspan.selectors.actqkv import ActQKV
from longspan.selectors.digests.representatives import Representatives
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.infllm import InfLLM
from longspan.selectors.longheads import LongHeads
from longspan.selectors.mpcache import MPCache
from longspan.selectors.retrieve import Retrieve
from longspan.selectors.retrolm import RetroLM
from longspan.selectors.scorings.activation import Activation
from longspan.selectors.scorings.spans import Spans
from longspan.selectors.shadowkv import ShadowKV

SEEDS = st.integers(0, 999)


def softmax(values):
    """Weights of a list of numbers."""
    return torch.tensor([float(value) for value in values]).softmax(0).tolist()


def representatives(keys, block, queries, best):
    """The mean of the keys of a block that the queries after its stretches of 64 liked best.

    queries: of one head, as pairs of the number of entries before them and the query.
    """
    scores = [
        sum(float(query @ keys[e]) for before, query in queries if before // 64 > e // 64) for e in block
    ]
    return keys[[block[number] for number in top(scores, best)]].mean(0)


@pytest.mark.parametrize(("block", "reading", "seed"), [(8, 16, 0), (8, 64, 1), (20, 50, 2), (64, 128, 3)])
def test_infllm_visits_the_blocks_whose_representatives_match_all_heads_best(block, reading, seed):
    rows, group, length, sinks, local, chosen = 2, 2, 500, 5, 80, 2
    keys, queries = random(rows, length + 10, 8, seed=seed), random(rows * group, length, 8, seed=seed + 1)
    summary = InfLLM(block=block, top=chosen, sinks=sinks, local=local, reading=reading).summary()
    seen, blocks, means, checked = [[] for _ in queries], [], {}, 0
    found = list(read(summary, queries, keys, reading))
    steps = random(5, rows * group, 8, seed=seed + 2)
    found += list(generate(summary, steps, keys, length + 1))
    moments = [(start, queries[:, start : start + reading]) for start in range(reading, length, reading)]
    moments += [(length + 1 + step, query[:, None]) for step, query in enumerate(steps)]
    for visited, (entries, now) in zip(found, moments, strict=True):
        for head, each in enumerate(seen):
            each += [(entries, query) for query in now[head]]
        for each in runs(sinks, block, entries - local)[len(blocks) :]:
            for head in range(len(queries)):
                means[head, len(blocks)] = representatives(keys[head // group], each, seen[head], 4)
            blocks.append(each)
        if len(blocks) <= chosen:
            assert visited == [list(range(entries))] * len(queries)
            continue
        scores = [
            sum(float(now[head].mean(0) @ means[head, number]) for head in range(len(queries)))
            for number in range(len(blocks))
        ]
        expected = around(sinks, [blocks[n] for n in top(scores, chosen)], blocks[-1].stop, entries)
        assert visited == [expected] * len(queries)
        checked += 1
    assert checked > 4


@given(st.integers(2, 6), st.integers(4, 7), st.integers(60, 120), SEEDS)
def test_longheads_gives_each_head_its_best_chunks(chunk, chunks, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    visited = choice(LongHeads(chunk=chunk, length=chunk * chunks), query, keys)
    middle = runs(chunk, chunk, length - chunk)
    for head in range(4):
        mine, scores = keys[head // 2], []
        for each in middle:
            block = mine[each.start : each.stop]
            weights = softmax([block.mean(0) @ key / math.sqrt(8) for key in block])
            scores.append(query[head] @ sum(w * key for w, key in zip(weights, block, strict=True)))
        best = [middle[n] for n in top(scores, chunks - 3)]
        assert visited[head] == around(chunk, best, middle[-1].stop, length)


@given(st.integers(2, 6), st.integers(0, 4), st.integers(40, 90), SEEDS)
def test_shadowkv_visits_landmarks_and_outliers(chunk, outliers, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    selector = ShadowKV(budget=3 * chunk, chunk=chunk, outliers=outliers, local=4)
    visited = choice(selector, query, keys)
    chunks = runs(0, chunk, length - 4)
    for row in range(2):
        blocks = [keys[row, each.start : each.stop] for each in chunks]
        landmarks = [block.mean(0) for block in blocks]
        likeness = [
            min(float(torch.cosine_similarity(mean, key, dim=0)) for key in block)
            for mean, block in zip(landmarks, blocks, strict=True)
        ]
        always = top([-value for value in likeness], outliers)
        others = [n for n in range(len(chunks)) if n not in always]
        weights = [
            softmax([query[head] @ landmarks[n] / math.sqrt(8) for n in others])
            for head in (2 * row, 2 * row + 1)
        ]
        best = [others[n] for n in top([max(pair) for pair in zip(*weights, strict=True)], 3)]
        expected = around(0, [chunks[n] for n in always + best], chunks[-1].stop, length)
        assert visited[2 * row] == visited[2 * row + 1] == expected


@given(st.integers(2, 5), st.integers(2, 3), st.integers(60, 120), SEEDS)
def test_mpcache_looks_into_large_boxes_and_shares_with_the_next_layer(group, merge, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    selector = MPCache(budget=4 * group, group=group, merge=merge, share=0.6, sinks=3)
    boxes = runs(3, group, length - 1)

    def match(head, first, stop):
        box = keys[head // 2, first:stop]
        return sum(
            0.6 * q * max(channel) + 0.4 * q * min(channel)
            for q, channel in zip(query[head].tolist(), box.T.tolist(), strict=True)
        )

    notes = Notes()
    visited = choice(selector, query, keys, notes=notes)
    for head in range(4):
        large = [boxes[n : n + merge] for n in range(0, len(boxes) - merge + 1, merge)]
        inside = top([match(head, each[0].start, each[-1].stop) for each in large], int(len(large) * 0.6))
        open_boxes = [box for n in inside for box in large[n]] + boxes[len(large) * merge :]
        best = [open_boxes[n] for n in top([match(head, box.start, box.stop) for box in open_boxes], 4)]
        assert visited[head] == around(3, best, boxes[-1].stop, length)
    others = random(2, length, 8, seed=seed + 2)
    assert choice(selector, -query, others, notes=notes, layer=1) == visited
    assert choice(selector, -query, others, notes=notes, layer=2) == choice(selector, -query, others)


@given(st.integers(2, 6), st.integers(40, 90), SEEDS)
def test_retrolm_retrieves_pages_by_votes_of_all_heads(page, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1)
    visited = choice(RetroLM(budget=3 * page, page=page, sinks=2, local=7), query, keys)
    pages = runs(2, page, length - 7)
    votes = [0.0] * len(pages)
    for head in range(4):
        means = [keys[head // 2, each.start : each.stop].mean(0) for each in pages]
        for number, weight in enumerate(softmax([query[head] @ mean / math.sqrt(8) for mean in means])):
            votes[number] += weight
    best = [pages[n] for n in top(votes, 3)]
    assert visited == [around(2, best, pages[-1].stop, length)] * 4


@given(st.integers(2, 9), SEEDS)
def test_the_probe_query_weighs_unusual_queries(count, seed):
    queries = random(3, count, 4, seed=seed)
    weights = [0.0] * count
    spread = [torch.var(queries[h, :, c], correction=0) for h in range(3) for c in range(4)]
    usual = sum(spread) / len(spread)
    for head in range(3):
        for channel in range(4):
            values = queries[head, :, channel]
            for number, value in enumerate(values):
                variance = torch.var(values, correction=0)
                weights[number] += float((value - values.mean()) ** 2 / (variance + usual / 100))
    expected = sum(w * queries[:, n] for n, w in enumerate(weights)) / sum(weights)
    torch.testing.assert_close(Activation().probe(queries), expected)


@given(st.integers(4, 30), st.floats(0.1, 8.0), SEEDS)
def test_actqkv_uses_more_of_its_budget_the_more_evenly_blocks_match(count, sharpness, seed):
    match = random(2, 2, count, seed=seed) * sharpness
    scoring = Activation(floor=0.25)
    scores = scoring.scores(match, 8, visit(random(4, 8, seed=0), random(2, 9, 8, seed=1), 9, scale=0.5))
    weights = softmax([match[:, :, n].mean() * 0.5 for n in range(count)])
    entropy = -sum(w * math.log(w) for w in weights if w > 0) / math.log(count)
    budget = 8 * count // 2
    blocks = max(1, int(budget * (0.25 + 0.75 * entropy) + 1e-4) // 8)
    picked = scoring.pick(scores, 8, budget).groups[0, 0].tolist()
    assert picked == sorted(top(weights, len(picked)))
    assert abs(len(picked) - blocks) <= (abs(budget * (0.25 + 0.75 * entropy) % 8) < 0.01)


def test_actqkv_visits_blocks_through_its_probe():
    keys, queries = random(2, 400, 8, seed=0), random(4, 400, 8, seed=1)
    selector = ActQKV(block=8, top=4, sinks=3, local=20, reading=64)
    visited = list(read(selector.summary(), queries, keys, 64))[-1]
    assert visited[0] == visited[3]
    chosen = [entry for entry in visited[0] if 3 <= entry < 363]
    assert 2 * 8 <= len(chosen) <= 4 * 8
    assert visited[0][:3] == [0, 1, 2]
    assert visited[0][-21:] == list(range(363, 384))
    assert all(len({e for e in chosen if (e - 3) // 8 == block}) in (0, 8) for block in range(45))


def test_a_block_of_queries_shares_a_choice():
    keys, queries = random(2, 300, 8, seed=2), random(4, 32, 8, seed=3)
    summary = LongHeads(chunk=8, length=40, reading=32).summary()
    together = visit(queries, keys, 300)
    summary.extend(together)
    many = summary.select(together)
    alone = LongHeads(chunk=8, length=40).summary()
    mean = visit(queries.mean(1), keys, 300)
    alone.extend(mean)
    assert torch.equal(many.index, alone.select(mean).index)


def test_every_query_of_a_text_votes_by_the_representatives_of_its_own_head():
    keys, queries = random(2, 200, 8, seed=0), random(4, 200, 8, seed=1)
    spans = Spans(top=1, span=1)
    selector = Retrieve(
        grouping=Pages(size=8),
        digest=Representatives(),
        scoring=spans,
        budget=8,
        local=20,
        dense=0,
        reading=100,
    )
    (visited,) = read(selector.summary(), queries, keys, 100)
    now, blocks = queries[:, 100:], runs(0, 8, 80)
    votes = [0] * len(blocks)
    for head in range(4):
        before = [(100, query) for query in now[head]]
        means = [representatives(keys[head // 2], block, before, 4) for block in blocks]
        for query in now[head]:
            votes[top([query @ mean for mean in means], 1)[0]] += 1
    assert visited == [around(0, [blocks[top(votes, 1)[0]]], 80, 100)] * 4

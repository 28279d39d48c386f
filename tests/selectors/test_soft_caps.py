"""Where a model bounds its scores, every softmax of a selector is of bounded scores, against loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from visits import around, choice, lists, random, runs, top, visit

from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.longheads import LongHeads
from longspan.selectors.retrieval import Retrieval
from longspan.selectors.retrieve import Retrieve
from longspan.selectors.scorings.activation import Activation
from longspan.selectors.scorings.nucleus import Nucleus
from longspan.selectors.scorings.shared import Shared
from longspan.selectors.scorings.spans import Spans
from longspan.selectors.scorings.threshold import Threshold
from longspan.selectors.scorings.votes import Votes
from tiny import model_of, tiny_network, tokens

CAPS = st.sampled_from([None, 0.3, 2.0])
SEEDS = st.integers(0, 999)
SCALE = 8**-0.5


def bounded(match, softcap):
    """The score that attention would have."""
    if match == -math.inf or softcap is None:
        return match * SCALE
    return softcap * math.tanh(match * SCALE / softcap)


def softmax(scores):
    largest = max(scores)
    weights = [math.exp(score - largest) for score in scores]
    return [weight / sum(weights) for weight in weights]


@given(st.integers(2, 9), CAPS, SEEDS)
def test_scores_are_those_of_bounded_matches(groups, softcap, seed):
    match, sizes = random(2, 2, groups, seed=seed) * 6, 3
    match[..., seed % groups] = -torch.inf  # a group that is left out
    each = visit(random(4, 8, seed=0), random(2, 9, 8, seed=1), 9, softcap=softcap, scale=SCALE)
    heads = [[bounded(float(m), softcap) for m in match[row, head]] for row in (0, 1) for head in (0, 1)]
    weights = [softmax(scores) for scores in heads]
    sharp = [softmax([score / SCALE for score in scores]) for scores in heads]

    def scored(scoring):
        return scoring.scores(match, sizes, each).flatten().tolist()

    def over(some, how):
        return [how(column) for column in zip(*some, strict=True)]

    assert_close(scored(Votes()), over(sharp, sum), atol=1e-5, rtol=1e-4)
    assert_close(scored(Votes(scaled=True)), over(weights, sum), atol=1e-5, rtol=1e-4)
    means = over(weights, lambda column: sum(column) / 4)
    assert_close(scored(Nucleus()), means, atol=1e-5, rtol=1e-4)
    pairs = [over(weights[:2], max), over(weights[2:], max)]
    assert_close(scored(Shared()), [*pairs[0], *pairs[1]], atol=1e-5, rtol=1e-4)
    assert_close([2 * (score % 1) for score in scored(Spans(top=1))], means, atol=1e-5, rtol=1e-4)
    per_key = [[weight / sizes for weight in row] for row in weights]
    assert_close(
        [math.exp(score) for score in scored(Threshold())],
        [share for row in per_key for share in row],
        atol=1e-5,
        rtol=1e-4,
    )
    assert_close(scored(Activation()), over(heads, lambda column: sum(column) / 4), atol=1e-5, rtol=1e-4)


@given(st.integers(1, 5), CAPS, SEEDS)
def test_the_weight_of_a_group_is_that_of_its_bounded_keys(size, softcap, seed):
    keys, query = random(2, 41, 8, seed=seed), random(4, 8, seed=seed + 1) * 3
    selector = Retrieve(
        grouping=Pages(size=size), digest=Keys(pool="mass"), scoring=Nucleus(share=0.6), budget=None, dense=0
    )
    groups = runs(0, size, 40)
    held = [0.0] * len(groups)
    for head in range(4):
        scores = [bounded(float(query[head] @ key), softcap) for key in keys[head // 2, : groups[-1].stop]]
        for number, group in enumerate(groups):
            held[number] += sum(softmax(scores)[entry] for entry in group) / 4
    best = top(held, len(groups))
    count = next(n for n in range(1, len(best) + 1) if sum(held[g] for g in best[:n]) >= 0.6 - 1e-6)
    expected = around(0, [groups[number] for number in best[:count]], groups[-1].stop, 41)
    assert choice(selector, query, keys, softcap=softcap) == [expected] * 4


@given(CAPS, SEEDS)
def test_chunk_keys_are_weighted_by_bounded_scores(softcap, seed):
    keys, query = random(2, 43, 8, seed=seed) * 3, random(4, 8, seed=seed + 1)
    visited = choice(LongHeads(chunk=5, length=20), query, keys, softcap=softcap)
    chunks = runs(5, 5, 38)
    for head in range(4):
        scores = []
        for chunk in chunks:
            mine = keys[head // 2, chunk.start : chunk.stop]
            weights = softmax([bounded(float(mine.mean(0) @ key), softcap) for key in mine])
            scores.append(query[head] @ sum(w * key for w, key in zip(weights, mine, strict=True)))
        assert visited[head] == around(5, [chunks[n] for n in top(scores, 1)], 35, 43)


def test_a_session_on_a_model_with_a_cap_chooses_by_bounded_scores(monkeypatch):
    seen = []
    select = Retrieval.select

    def watched(summary, each):
        chosen = select(summary, each)
        seen.append((each.query[:, 0], each.keys(0, each.entries), each.scene.softmax.softcap, chosen))
        return chosen

    monkeypatch.setattr(Retrieval, "select", watched)
    model = model_of(tiny_network("gemma2", attn_logit_softcapping=0.05, query_pre_attn_scalar=1))
    with model.session("selector=retrolm(budget=8,page=4,sinks=0,local=4,reading=0)", chunk=64) as session:
        session.read(tokens(90)[:-1])
        session.logits(tokens(90)[-1:])
    differing = 0
    for query, keys, softcap, chosen in seen:
        assert softcap == 0.05
        pages = runs(0, 4, keys.shape[1] - 4)
        votes = {cap: [0.0] * len(pages) for cap in (None, 0.05)}
        for cap, total in votes.items():
            for head, each in enumerate(query):
                means = [keys[head // 2, page.start : page.stop].mean(0) for page in pages]
                scores = [float(each @ mean) for mean in means]
                scores = [score if cap is None else cap * math.tanh(score / cap) for score in scores]
                total[:] = [a + b for a, b in zip(total, softmax(scores), strict=True)]
        best = [pages[number] for number in top(votes[0.05], 2)]
        assert lists(chosen, 4, keys.shape[1])[0] == around(0, best, pages[-1].stop, keys.shape[1])
        differing += top(votes[None], 2) != top(votes[0.05], 2)
    assert differing


@pytest.mark.parametrize("pool", ["max", "mass"])
def test_keys_in_fp16_do_not_leave_its_range(pool):
    keys, query = random(1, 30, 8, seed=0).half() * 200, random(2, 8, seed=1).half() * 300
    selector = Retrieve(grouping=Pages(size=1), digest=Keys(pool=pool), scoring=Shared(), budget=4, dense=0)
    exact = choice(selector, query.float(), keys.float(), scale=1e-4)
    assert choice(selector, query, keys, scale=1e-4) == exact

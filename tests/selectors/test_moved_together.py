"""TokenSelect, LongCache and InfLLM with their papers' positions, in sessions against a Llama of one layer."""

from collections import Counter

import pytest
import torch
from torch.testing import assert_close
from visits import top

from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.selectors.infllm import InfLLM
from longspan.selectors.longcache import LongCache
from longspan.selectors.retrieval import Retrieval
from longspan.selectors.tokenselect import TokenSelect
from naive_llama import causal, distances, naive_logits
from tiny import headed, model_of, tiny_network, tokens

SINKS, LOCAL, BLOCK, MADE = 3, 6, 8, 4
NETWORK = tiny_network("llama", num_hidden_layers=1)
MODEL = model_of(NETWORK)


def raw(ids):
    """Queries and keys of the layer before their rotation, `[heads, n, dim]`, keys repeated for the heads."""
    layer = NETWORK.model.layers[0]
    with torch.no_grad():
        normed = layer.input_layernorm(NETWORK.model.embed_tokens(ids))
        query, key = layer.self_attn.q_proj(normed), layer.self_attn.k_proj(normed)
    query, key = (x.unflatten(-1, (-1, 16)).transpose(0, 1) for x in (query, key))
    return query, key.repeat_interleave(2, 0)


def turned(x, place):
    """One vector `[heads, dim]`, rotated by a position."""
    half = torch.complex(*x.chunk(2, -1)) * torch.polar(
        torch.ones(()), place * NETWORK.model.rotary_emb.inv_freq
    )
    return torch.cat((half.real, half.imag), -1)


def voted(query, key, places):
    """TokenSelect: the tokens with most soft votes for the mean query, turned to the edge of the recent ones."""
    mean = sum(turned(query[:, row], LOCAL + row) for row in range(query.shape[1])) / query.shape[1]
    votes = sum((key[head, places] @ mean[head]).softmax(0) for head in range(len(query)))
    return [places[number] for number in top(votes.tolist(), 8)]


def spanned(query, key, places):
    """LongCache: spans of four around the tokens for which most queries of most heads vote, nothing turned."""
    votes, weight = Counter(), torch.zeros(len(places))
    for head in range(len(query)):
        for each in query[head]:
            match = key[head, places] @ each
            votes.update(top(match.tolist(), 2))
            weight += (match / 4).softmax(0)
    middle = sorted(votes, key=lambda token: (votes[token], float(weight[token])), reverse=True)[:2]
    inside = {min(max(token + step, 0), len(places) - 1) for token in middle for step in range(-2, 2)}
    return [places[number] for number in inside]


def seen(ids, choose, read):
    """Who sees whom, and from how far: blocks while reading, then one token after the other."""
    query, key = raw(ids)
    visible, relative = causal(len(ids)), distances(len(ids))
    starts = [*range(0, read, BLOCK), *range(read, len(ids))]
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        stop, stored = min(stop, read) if start < read else stop, start if start < read else start + 1
        places = list(range(SINKS, stored - LOCAL))
        if len(places) <= 8:
            continue
        chosen = choose(query[:, start:stop], key, places)
        visited = sorted({*range(SINKS), *chosen, *range(stored - LOCAL, stored)})
        visible[start:stop, :stored] = False
        for rank, place in enumerate(visited):
            visible[start:stop, place] = True
            relative[start:stop, place] = torch.arange(start, stop) - (stored - len(visited) + rank)
    return visible, relative


@pytest.mark.parametrize(
    ("selector", "choose"),
    [
        ("tokenselect(budget=8,threshold=1.0,sinks=3,local=6,reading=8,compare=edge)", voted),
        ("longcache(spans=2,span=4,top=2,sinks=3,local=6,reading=8,compare=unrotated)", spanned),
    ],
)
@pytest.mark.parametrize("at_a_time", [1, 1 << 24])
def test_what_is_visited_is_found_without_positions_and_moved_together(
    selector, choose, at_a_time, monkeypatch
):
    monkeypatch.setattr("longspan.selectors.scorings.spans._MATCHES", at_a_time)
    text = tokens(61)
    with MODEL.session(f"positions=in-cache selector={selector}", chunk=BLOCK) as session:
        logits = session.logits(text)
        with headed(NETWORK) as rows:
            made = [step.token for step in session.generate(max_new_tokens=MADE)]
    ids = torch.cat((text, torch.tensor(made)))[:-1]
    expected = naive_logits(NETWORK, ids, *seen(ids, choose, len(text)))
    assert_close(logits, expected[: len(text)], atol=1e-5, rtol=0)
    assert_close(torch.stack(rows[-(MADE - 1) :]), expected[len(text) :], atol=1e-5, rtol=0)
    stock = naive_logits(NETWORK, ids, causal(len(ids)))
    assert not torch.allclose(expected, stock, atol=1e-2)


def test_infllm_sees_far_blocks_at_the_edge_of_the_local_window(monkeypatch):
    text, far = tokens(90), []
    select = Retrieval.select
    monkeypatch.setattr(
        Retrieval, "select", lambda summary, visit: far.append(visit) or select(summary, visit)
    )
    plan = (
        "positions=rerope(near=16,sharpen=false) selector=infllm(block=4,top=99,sinks=4,local=16,reading=8)"
    )
    with MODEL.session(plan, chunk=BLOCK) as session:
        logits = session.logits(text)
    relative = distances(90).clamp(max=16)
    assert_close(logits, naive_logits(NETWORK, text, causal(90), relative), atol=1e-5, rtol=0)
    query, key = raw(text)
    compared = 0
    for visit in far:
        if visit.start < 24:
            continue
        compared += 1
        for head in range(4):
            expected = key[head, : visit.entries] @ turned(query[:, visit.start], 16)[head]
            found = visit.keys(0, visit.entries)[head // 2] @ visit.query[head, 0]
            assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert compared


def test_the_papers_plans_have_names():
    tokenselect, longcache, infllm = (Plan.parse(name) for name in ("tokenselect", "longcache", "infllm"))
    assert tokenselect.selector == TokenSelect(compare="edge")
    assert longcache.selector == LongCache(compare="unrotated")
    assert tokenselect.positions == longcache.positions
    assert infllm.selector == InfLLM()
    assert infllm.positions.near == InfLLM().local
    with pytest.raises(
        PlanError, match="compare=edge needs keys that are stored before their rotation; add pos"
    ):
        Plan.parse("selector=tokenselect(compare=edge)")

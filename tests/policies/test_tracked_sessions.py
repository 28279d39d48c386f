"""Policies that gather something or have the model read more, in sessions on tiny models."""

from functools import cache

import pytest
import torch
from kept import kept
from torch.testing import assert_close

from longspan.conversation import Words
from longspan.plan import Plan
from longspan.policies.kvzip import REPEAT, REPEAT_PART
from longspan.policies.look_once import LookOnce
from tiny import model_of, tiny_model, tiny_network, tiny_tokenizer, tokens

ENTRY = 2 * 16 * 4 + 4
"""Bytes of a key, a value and a position."""

POLICIES = [
    "h2o(budget=40",
    "expected-attention(budget=40,allocator=adakv",
    "criticalkv(budget=40,scorer=snapkv(window=8)",
    "criticalkv(budget=40,scorer=h2o",
    "kvzip(budget=40,chunk=50",
    "h2o(budget=40,allocator=model-wide",
    "finch(budget=40,window=8",
]


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_budget_holds_whatever_is_read_and_generated(policy, when):
    model = tiny_model("qwen3")
    with model.session(f"policy={policy},when={when})", chunk=16, size=2) as session:
        session.read([tokens(90), tokens(60, seed=1)])
        for sequence, count in enumerate((90, 60)):
            layers = [sum(map(len, layer)) for layer in kept(session, sequence)]
            assert sum(layers) == 3 * 2 * 40
            assert "kvzip" in policy or "model-wide" in policy or layers == [80] * 3
            assert session.seen[sequence] == count
        assert session.usage.kv_bytes >= 2 * 240 * ENTRY
        made = list(session.generate(max_new_tokens=20))
        assert len(made) <= 40
        for sequence in range(2):
            entries = sum(sum(map(len, layer)) for layer in kept(session, sequence))
            assert entries <= 3 * 2 * (40 + (16 if when == "chunk" else 20))


@cache
def read(plan):
    """What is generated after a text and a question, and the logits of three tokens more."""
    ids = tokens(70)
    with tiny_model("gemma3_text").session(plan, chunk=25) as session:
        session.read(ids[:50], question=ids[50:])
        made = [step.token for step in session.generate(max_new_tokens=5)]
        return made, session.logits(ids[:3])


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize("policy", [each.replace("=40", "=1.0") for each in POLICIES])
def test_a_full_budget_is_the_empty_plan_exactly(policy, when):
    (made, logits), (stock, stock_logits) = read(f"policy={policy},when={when})"), read("")
    assert made == stock
    assert torch.equal(logits, stock_logits)


@cache
def eager():
    network = tiny_network("llama")
    network.set_attn_implementation("eager")
    return network


def stock_weights(ids):
    """What transformers itself says that the tiny model attends to, `[layers, kv_heads, group, n, n]`."""
    with torch.no_grad():
        result = eager()(input_ids=torch.tensor([ids]), output_attentions=True)
    return torch.cat(result.attentions).unflatten(1, (2, 2))


def test_kvzip_keeps_what_the_stock_model_needs_to_repeat():
    ids, chunk, sinks = tokens(70).tolist(), 30, 2
    encode, reply = tiny_tokenizer().encode, Words(tiny_tokenizer()).reply
    largest = torch.zeros(3, 2, 70)
    for start in range(0, 70, chunk):
        prompt = encode(REPEAT_PART) + ids[start - 8 : start] if start else encode(REPEAT)
        rehearsal = [*prompt, *reply, *ids[start : start + chunk]]
        weights = stock_weights(ids + rehearsal)[..., 70:, :]
        near = torch.zeros(weights.shape[-1], dtype=torch.bool)
        near[:sinks] = near[start : start + chunk] = near[70:] = True
        weights = weights * near / (weights * near).sum(-1, keepdim=True)  # a softmax over these alone
        largest[..., start : start + chunk] = weights.amax((2, 3))[..., start : min(start + chunk, 70)]
    largest[..., :sinks] = torch.inf
    best = torch.zeros_like(largest).flatten().scatter(0, largest.flatten().topk(20 * 6).indices, 1.0)
    expected = [[row.nonzero().flatten().tolist() for row in layer] for layer in best.view(3, 2, 70)]
    for session_chunk in (2048, 16):
        plan = f"policy=kvzip(budget=20,chunk={chunk},sinks={sinks})"
        with tiny_model().session(plan, chunk=session_chunk) as session:
            assert kept(session.read(ids)) == expected


@pytest.mark.parametrize("allocator", ["uniform", "model-wide"])
@pytest.mark.parametrize("threshold", [0.018, 0.022])
def test_look_once_keeps_what_the_last_fifth_of_the_stock_model_looks_at(threshold, allocator):
    ids = tokens(70).tolist()
    looked = (stock_weights(ids).mean((1, 2))[:, -14:] >= threshold).any(1)
    expected = [[layer.nonzero().flatten().tolist()] * 2 for layer in looked]
    assert len({len(rows[0]) for rows in expected}) > 1
    plan = f"policy=look-once(threshold={threshold},scaled=true,allocator={allocator})"
    for chunk in (2048, 16):
        with tiny_model().session(plan, chunk=chunk) as session:
            assert kept(session.read(ids)) == expected
    with tiny_model().session(plan.replace("look-once(", "look-once(budget=40,")) as session:
        for layer, full in zip(kept(session.read(ids)), expected, strict=True):
            assert sum(map(len, layer)) <= sum(map(len, full))
            assert all(set(row) <= set(all_looked_at) for row, all_looked_at in zip(layer, full, strict=True))
            assert "model-wide" in plan or [len(row) for row in layer] == [min(40, len(full[0]))] * 2


def test_the_plan_mpcache_evicts_by_the_threshold_of_its_authors():
    assert Plan.of("mpcache").policy == LookOnce(threshold=1e-8, last=0.2, scaled=False, budget=1.0)


def test_finch_keeps_what_the_question_attends_to():
    ids, question = tokens(60).tolist(), tokens(10, seed=1).tolist()
    weights = stock_weights(ids + question)[..., 60:, :] * torch.arange(61, 71)[:, None]
    best = weights[..., :60].mean((2, 3)).topk(20).indices.sort().values
    expected = [[[*row, *range(60, 70)] for row in layer] for layer in best.tolist()]
    for chunk in (2048, 16):
        with tiny_model().session("policy=finch(budget=20,window=4,when=end)", chunk=chunk) as session:
            assert kept(session.read(ids, question=question)) == expected


def test_finch_compresses_chunk_by_chunk_with_the_question_in_mind():
    ids, question = tokens(120).tolist(), tokens(10, seed=1).tolist()
    with tiny_model().session("policy=finch(budget=20,window=4)", chunk=32) as session:
        rows = kept(session.read(ids, question=question))
        assert [[len(row) for row in layer] for layer in rows] == [[30, 30]] * 3
        assert all(row[-10:] == list(range(120, 130)) for layer in rows for row in layer)
        assert session.peak_entries <= 20 + 32
    with tiny_model().session("policy=finch(budget=20,window=4)", chunk=32) as session:
        other = kept(session.read(ids, question=tokens(10, seed=2).tolist()))
    assert other != rows


@pytest.mark.parametrize(
    "policy", ["h2o(budget=30", "kvzip(budget=30,chunk=40", "expected-attention(budget=30"]
)
def test_a_fork_that_was_announced_acts_as_if_it_had_read_it_all(policy):
    plan, model, ids = f"policy={policy})", tiny_model(), tokens(90)
    with model.session(plan, chunk=32) as session:
        expected = kept(session.read(ids))
    with model.session("", chunk=32, forks=[plan]) as session:
        session.read(ids)
        with session.fork(plan) as fork:
            assert kept(fork) == expected


@pytest.mark.parametrize(
    ("family", "facts"), [("gpt_oss", {}), ("gemma2", {"attn_logit_softcapping": 0.5})], ids=["sinks", "cap"]
)
def test_weights_are_the_model_s_own_with_sinks_and_soft_caps(family, facts):
    """What entries received is what transformers says that they get, from every query, sinks and caps counted."""
    network, ids = tiny_network(family, **facts), tokens(30)
    with model_of(network).session("policy=h2o(budget=1.0)", chunk=16) as session:
        session.read(ids)
        held = [
            next(iter(layer.trackers.values())).held if layer.trackers else None
            for layer in session.sequences[0].layers
        ]
    network.set_attn_implementation("eager")
    with torch.no_grad():
        attention = network(input_ids=ids[None], output_attentions=True).attentions
    watched = [layer for layer, numbers in enumerate(held) if numbers is not None]
    assert watched
    for layer in watched:
        received = attention[layer][0].sum(1).unflatten(0, (2, -1)).mean(1)
        assert_close(held[layer], received, atol=1e-5, rtol=1e-4)
        assert (float(received.sum()) < 2 * 29) == (family == "gpt_oss")

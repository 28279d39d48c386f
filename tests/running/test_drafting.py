"""Drafts that pass at once: each token is what it would be alone, and nothing stays of those that were not accepted."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_parts import SMALL
from test_contract import plan_of
from test_runner import alone, check_alike, done, engine_of, fresh, speaker
from told import Told
from torch.nn import functional

from longspan.decoding.base import Decode, Draft, Exact, Proposer
from longspan.running import drafted_lane
from longspan.running.drafting import Drafting
from longspan.running.moments import draft_depth
from longspan.running.runner import Request, Runner
from longspan.store.ledger import Ledger
from tiny import tokens


def follow(sequence, ids):
    """Runs tokens as generated ones, a pass each."""
    runner = Runner(sequence.engine.seam)
    for token in ids:
        sequence.pending.append(token)
        request = runner.add(Request(sequence=sequence, reading=False))
        runner.step()
        assert request.error is None


def naive_rows(sequence, draft):
    """Logits `[1 + n, vocab]` after a sequence and after each token of a draft, each on a fork of its own."""
    rows, twins = [sequence.upcoming], []
    for token, parent in zip(draft.ids, draft.parents, strict=True):
        twins.append((sequence if parent < 0 else twins[parent]).fork(Ledger()))
        follow(twins[-1], [token])
        rows.append(twins[-1].upcoming)
    return torch.stack(rows)


class Comparing(Exact):
    """Compares what it is given with naive forks of a sequence that goes along without drafts."""

    def __init__(self, plain, rounding):
        self.plain, self.rounding = plain, rounding

    def accept(self, draft, logits, draw):
        expected = naive_rows(self.plain, draft)
        allowed = self.rounding * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(logits, expected, atol=allowed, rtol=0)
        accepted = super().accept(draft, logits, draw)
        follow(self.plain, accepted)
        return accepted


def check_drafts(plan, family="llama", *, read=41, say=6, size=5, seed=0, rounding=1e-5):
    """Says so much of a text plainly and with drafts, which are then forgotten."""
    engine = engine_of(plan, family)
    ids = [int(each) for each in tokens(read, seed=seed)]
    expected = alone(engine, [ids, say])
    mine, runner = fresh(engine, Ledger()), Runner(engine.seam)
    told = Told(text=expected.tokens, seed=seed, size=size, check=Comparing(alone(engine, [ids]), rounding))

    def run(request):
        for _ in runner.run():
            pass
        if request.error is not None:
            raise request.error

    run(done(mine, runner, ids))
    mark = mine.mark()
    run(runner.add(Request(sequence=mine, reading=False, speaker=speaker(say), drafting=Drafting(told))))
    check_alike(mine, expected)
    for sequence in (mine, expected):
        run(done(sequence, runner, 3))
    check_alike(mine, expected)
    mine.rewind(mark)
    check_alike(mine, alone(engine, [ids]))
    mine.release()
    assert mine.ledger.held == mine.ledger.offloaded == 0
    return told.calls


@pytest.mark.parametrize(
    ("plan", "family"),
    [
        ("", "mistral"),
        ("", "gemma2"),
        ("", "gpt_oss"),
        ("codec=int8", "gemma3_text"),
        ("policy=streamingllm(budget=20,sinks=4,when=chunk)", "bamba"),
        ("", "qwen3_next"),
        ("", "lfm2"),
        ("codec=kivi(group_size=8,residual_length=16)", "llama"),
        ("codec=million(nbits=4,residual_length=16)", "llama"),
        ("selector=retrieve(budget=32,dense=0,sinks=4,local=8,reuse=similar)", "llama"),
        ("policy=tova(budget=20,when=chunk)", "gemma3_text"),
        ("selector=shadowkv(budget=16,chunk=4,outliers=2,local=8) codec=kivi(group_size=8)", "llama"),
        ("positions=dynamic-ntk", "llama"),
        ("positions=dca(chunk=0.1,local=0.02,temperature=0.1)", "llama"),
        ("positions=rerope(near=24)", "qwen3"),
        ("positions=string(shift=24,local=8)", "llama"),
        ("positions=in-cache policy=streamingllm(budget=20,sinks=4,when=chunk)", "llama"),
        ("policy=h2o(budget=24,when=chunk) codec=int4", "llama"),
        ("policy=kvzip(budget=24,chunk=50,when=chunk)", "llama"),
        ("policy=snapkv(budget=20,window=8,disposer=move,when=chunk)", "llama"),
    ],
)
def test_each_drafted_token_is_what_it_would_be_alone(plan, family):
    say = 20 if "when=chunk" in plan else 6  # policies act every 16 tokens, or at each
    assert any(check_drafts(plan, family, say=say))


@pytest.fixture
def single_tokens(monkeypatch):
    """Products that give each token what they give it alone, as those of packed weights do."""
    product = functional.linear

    def alone(x, weight, bias=None):
        rows = [product(row, weight, bias) for row in x.flatten(0, -2).split(1)]
        return torch.cat(rows).unflatten(0, x.shape[:-1])

    monkeypatch.setattr(functional, "linear", alone)


@pytest.mark.parametrize(
    ("plan", "family"),
    [
        ("", "llama"),
        ("", "mistral"),
        ("", "gemma3_text"),
        ("", "bamba"),
        ("positions=yarn(factor=4)", "qwen3"),
        ("positions=self-extend(group=4,neighbour=16)", "llama"),
        ("policy=adakv(budget=24,window=8)", "llama"),
        ("policy=streamingllm(budget=20,sinks=4,when=chunk)", "llama"),
        ("selector=quest(budget=16,page=4,dense=0)", "llama"),
        ("codec=int8", "llama"),
    ],
)
def test_a_drafted_token_is_what_it_would_be_alone_to_the_bit(plan, family, single_tokens):
    say = 20 if "when=chunk" in plan else 8
    assert any(check_drafts(plan, family, say=say, size=9, rounding=0.0))


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_without_compiled_kernels_drafts_attend_together(family, monkeypatch):
    monkeypatch.setattr(drafted_lane, "suits", lambda dtype, device: False)
    assert any(check_drafts("", family))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    part=st.sampled_from(SMALL),
    family=st.sampled_from(["llama", "gemma3_text"]),
    read=st.integers(1, 90),
    say=st.integers(1, 12),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_whatever_the_plan_and_the_tree(part, family, read, say, size, seed):
    check_drafts(plan_of("=".join(part), "chunk"), family, read=read, say=say, size=size, seed=seed)


def test_what_is_accepted_passes_once():
    ids, engine = [int(each) for each in tokens(30)], engine_of("")
    expected = alone(engine, [ids, 17])

    class Knows(Told):
        def proposer(self):
            outer = self

            class Line(Proposer):
                def propose(self, ids, room):
                    return Draft.line(outer.text[len(ids) : len(ids) + 7])

            return Line()

    mine, runner = alone(engine, [ids]), Runner(engine.seam)
    passed = []
    handle = engine.seam.network.get_input_embeddings().register_forward_hook(
        lambda module, given, result: passed.append(given[0].numel())
    )
    try:
        drafting = Drafting(Knows(text=expected.tokens))
        request = runner.add(Request(sequence=mine, reading=False, speaker=speaker(17), drafting=drafting))
        steps = [step for found in runner.run() for step in found]
    finally:
        handle.remove()
    assert request.error is None
    assert len(steps) == 17
    assert passed == [8, 8]
    check_alike(mine, expected)


def test_those_who_draft_badly_fail_alone():
    engine, ids = engine_of(""), [int(each) for each in tokens(30)]

    class Wrong(Exact):
        def accept(self, draft, logits, draw):
            return [5, 6, 7]

    class Beyond(Decode, Proposer):
        gate = False

        def proposer(self):
            return self

        def propose(self, ids, room):
            return Draft((999,), (-1,))

    runner = Runner(engine.seam)
    text = alone(engine, [ids, 9]).tokens
    said = [
        runner.add(
            Request(sequence=alone(engine, [ids]), reading=False, speaker=speaker(9), drafting=drafting)
        )
        for drafting in (
            Drafting(Told(text=text, check=Wrong())),
            Drafting(Beyond()),
            Drafting(Told(text=text)),
        )
    ]
    for _ in runner.run():
        pass
    assert "verifier accepted [5, 6, 7], no path of the draft" in str(said[0].error)
    assert "draft has the token 999, outside 0 .. 271" in str(said[1].error)
    assert said[2].sequence.tokens == text


def test_a_draft_is_cut_where_something_has_to_wait_for_the_end_of_a_pass():
    surprised = "selector=em-llm(budget=32,sinks=4,local=16,shortest=2,longest=8,reading=16)"
    assert check_drafts(surprised) == []
    engine = engine_of("policy=kvzip(budget=24,chunk=50,when=chunk)")
    sequence = alone(engine, [[int(each) for each in tokens(32)], 4])
    assert sequence.uncompressed == 3
    assert draft_depth(sequence) == 16 - 3 - 1
    assert draft_depth(alone(engine_of("policy=h2o(budget=24,when=chunk)"), [[5, 6]])) is None

"""Whoever drafts, and whatever else is in the plan, what is said is what would be said without drafts."""

import itertools

import pytest

from longspan import registry
from tiny import tiny_model, tokens

PROPOSERS = [
    "prompt-lookup",
    "prompt-lookup(max_ngram_size=1,num_pred_tokens=3,longest=5)",
    "lookahead(branch_length=4)",
    "lookahead(mode=one)",
    "token-recycling",
    "several",
]
PLANS = [
    "",
    "policy=streamingllm(budget=40,when=chunk)",
    "selector=quest(budget=16,page=4,dense=0)",
    "codec=int8",
    "positions=self-extend(group=4,neighbour=16)",
]


SAMPLED = {"temperature": 1.2, "seed": 7}


def said(plan, ids, family="llama", say=16, **options):
    with tiny_model(family).session(plan, chunk=32) as session:
        session.read(ids)
        steps = list(session.generate(max_new_tokens=say, **options))
        assert session.seen == [len(ids) + len(steps)]
        again = list(session.generate(max_new_tokens=5, **options))
        return [*steps, *again], session.usage


def repeated(count, seed=0):
    return tokens(count, seed=seed).tolist() * 2


def with_gate(proposer, gate):
    name, bracket, rest = proposer.partition("(")
    return f"decode={name}(gate={gate}{',' + rest if bracket else ')'}"


CASES = [
    *itertools.product(PROPOSERS[:1], PLANS, ("false", "true"), ({}, SAMPLED)),
    *itertools.product(PROPOSERS[1:], PLANS[:1], ("false",), ({}, SAMPLED)),
    *zip(PROPOSERS[1:], PLANS, ("false",) * 9, ({},) * 9, strict=False),
]


@pytest.mark.parametrize(("proposer", "plan", "gate", "options"), CASES)
def test_drafts_change_no_text(proposer, plan, gate, options):
    ids = repeated(35)
    expected, plain = said(plan, ids, **options)
    found, usage = said(f"{plan} {with_gate(proposer, gate)}", ids, **options)
    assert found == expected
    assert usage.generated_tokens == plain.generated_tokens
    assert 0 <= usage.accepted_tokens <= usage.drafted_tokens
    assert plain.drafted_tokens == 0
    assert plain.draft_gain == 1.0
    if gate == "false":
        assert usage.drafted_tokens > 0


@pytest.mark.parametrize("family", ["gemma3_text", "bamba"])
@pytest.mark.parametrize("proposer", ["prompt-lookup", "several"])
def test_other_networks_say_the_same(proposer, family):
    ids = repeated(40)
    expected, _ = said("", ids, family)
    assert said(with_gate(proposer, "false"), ids, family)[0] == expected


def test_every_proposer_is_tried():
    named = {each.partition("(")[0] for each in PROPOSERS}
    assert named <= set(registry.own("decode"))


def test_texts_side_by_side_say_what_they_say_alone():
    ids = [repeated(40, seed) for seed in range(3)]
    with tiny_model().session("decode=prompt-lookup(gate=false)", size=3) as session:
        session.read(ids)
        together = [[], [], []]
        for step in session.generate(max_new_tokens=16):
            together[step.sequence].append(step.token)
    for own, found in zip(ids, together, strict=True):
        assert found == [step.token for step in said("", own)[0][:16]]


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_limit_and_a_stop_string_end_an_answer_within_a_draft(limit):
    ids = repeated(60)
    stop = "".join(step.text for step in said("", ids)[0])[limit + 3 : limit + 5]
    sessions = [tiny_model().session(plan) for plan in ("", "decode=prompt-lookup(gate=false)")]
    found = []
    for session in sessions:
        with session:
            session.read(ids)
            steps = [
                step
                for end in ({"max_new_tokens": limit}, {"stop": stop}, {"max_new_tokens": 5})
                for step in session.generate(**({"max_new_tokens": 30} | end))
            ]
            found.append((steps, session.seen))
    assert found[0] == found[1]

"""One reading for many plans: a fork under another plan is as if it had read everything itself."""

import pytest
import torch

import longspan
from longspan.plan import Plan
from longspan.session import Session
from test_session import made, tokens
from tiny import model_of, tiny_model, tiny_network

LATE = [
    "policy=snapkv(budget=40,window=16)",
    "policy=adakv(budget=0.5,window=16)",
    "policy=streamingllm(budget=30,sinks=4,when=end)",
    "selector=quest(budget=32,page=8)",
    "policy=snapkv(budget=64,window=16) selector=quest(budget=32,page=8)",
]
READ_DIFFERENTLY = [
    "policy=snapkv(budget=40,window=16,when=chunk)",
    "codec=int8",
    "positions=yarn(factor=2)",
    "pattern=a-shape",
]


@pytest.mark.parametrize(
    ("before", "chunk"), [("", 32), ("", 2048), ("positions=yarn(factor=2)", 2048), ("codec=int8", 32)]
)
@pytest.mark.parametrize("late", LATE)
def test_a_fork_under_a_plan_has_read_it_all_under_that_plan(before, chunk, late):
    model, plan = tiny_model(), f"{before} {late}".strip()
    ids, more = tokens(100), tokens(5, seed=1)
    with model.session(plan, chunk=chunk) as alone:
        alone.read(ids)
        expected_bytes = alone.usage.kv_bytes
        expected = made(alone, 6), alone.logits(more)
    with model.session(before, chunk=chunk, forks=[plan]) as shared:
        shared.read(ids)
        forks = [shared.fork(plan) for _ in range(2)]
        for fork in forks:
            assert str(fork.plan) == str(Plan.of(plan))
            assert fork.usage.kv_bytes == expected_bytes
            assert made(fork, 6) == expected[0]
            assert torch.equal(fork.logits(more), expected[1])


def test_a_fork_reads_on_under_its_plan():
    model, plan = tiny_model(), LATE[0]
    ids, question = tokens(100), tokens(20, seed=1)
    with model.session(plan) as alone, model.session(forks=[plan]) as shared:
        expected = made(alone.read(ids).read(question))
        assert made(shared.read(ids).fork(plan).read(question)) == expected


@pytest.mark.parametrize("plan", READ_DIFFERENTLY)
def test_a_plan_that_reads_differently_is_refused(plan):
    with (
        tiny_model().session() as session,
        pytest.raises(ValueError, match=r"reads differently.*open a session of its own"),
    ):
        session.read(tokens(50)).fork(plan)


def test_a_policy_that_has_acted_cannot_be_exchanged():
    with tiny_model().session(LATE[0]) as session:
        session.read(tokens(80))
        session.fork(f"{LATE[0]} selector=quest(budget=32,page=8)")
        with pytest.raises(ValueError, match="whose own has acted"):
            session.fork(LATE[2])


@pytest.mark.parametrize("late", [LATE[0], "policy=h2o(budget=40)"])
def test_a_policy_that_needs_what_was_not_gathered_is_refused(late):
    with (
        tiny_model().session(forks=["policy=snapkv(budget=40,window=8)"]) as session,
        pytest.raises(ValueError, match=r"open the session with forks=\['policy="),
    ):
        session.read(tokens(80)).fork(late)


def test_the_parts_that_read():
    plan = Plan.of("positions=yarn(factor=2) policy=snapkv(when=chunk) selector=quest codec=int8")
    assert str(plan.reading) == "positions=yarn(factor=2) policy=snapkv(when=chunk) codec=int8"
    assert Plan.of("policy=snapkv selector=quest").reading == Plan()


def test_sessions_of_one_kind_go_on_side_by_side():
    model, plan = tiny_model(), "policy=snapkv(budget=40,window=16)"
    texts = [tokens(100), tokens(60, seed=1)]
    alone = []
    for ids in texts:
        with model.session(plan) as session:
            alone.append(made(session.read(ids)))
    parts = [model.session(plan).read(ids) for ids in texts]
    held = [part.usage.kv_bytes for part in parts]
    with Session.together(parts) as joined:
        assert joined.bytes_held == held
        assert [part.seen for part in parts] == [[0], [0]]
        steps = list(joined.generate(max_new_tokens=len(alone[0])))
        assert [[step.token for step in steps if step.sequence == number] for number in (0, 1)] == alone


def test_sessions_of_several_kinds_or_none_are_refused():
    model = tiny_model()
    with (
        model.session() as one,
        model.session("codec=int8") as other,
        pytest.raises(ValueError, match="sessions are of 2 kinds, allowed is 1"),
    ):
        Session.together([one, other])
    with pytest.raises(ValueError, match="sessions are of 0 kinds"):
        Session.together([])


def test_eight_forks_of_a_prompt_hold_it_once_and_say_what_each_alone_says():
    model, ids = tiny_model("qwen2"), tokens(300)
    alone = []
    for seed in range(8):
        with model.session() as session:
            session.read(ids)
            steps = session.generate(max_new_tokens=40, temperature=1.0, seed=seed, min_tokens=40)
            alone.append([step.token for step in steps])
    with model.session() as session:
        session.read(ids)
        prompt = session.usage.kv_bytes
        with session.fork(of=[0] * 8) as forks:
            assert forks.usage.kv_bytes == prompt
            steps = list(forks.generate(seeds=range(8), max_new_tokens=40, temperature=1.0, min_tokens=40))
            held, by_fork, usage = forks.usage.kv_bytes, forks.bytes_held, forks.usage
            for number in range(8):
                assert [step.token for step in steps if step.sequence == number] == alone[number]
            each = prompt / 300  # bytes of a token; rows double when they are full
            assert prompt + 8 * 39 * each <= held <= prompt + 8 * 80 * each
            assert sum(by_fork) == held
            assert max(by_fork[1:]) < prompt / 3
            assert (usage.prompt_tokens, usage.generated_tokens) == (300, 8 * 40)
            again = forks.fork(of=[5, 5, 2])
            assert [each.tokens for each in again.sequences] == [
                forks.sequences[number].tokens for number in (5, 5, 2)
            ]
            again.close()
        assert session.usage.kv_bytes == prompt


def test_a_fork_that_went_on_is_kept_and_found_again_as_one_text(tmp_path):
    model = model_of(tiny_network("llama"), "0" * 64)
    with model.session() as session:
        session.read(tokens(60))
        with session.fork(of=[0]) as fork:
            list(fork.generate(max_new_tokens=12, min_tokens=12))
            path = fork.save(tmp_path / "kept")
            rest = [step.token for step in fork.generate(max_new_tokens=12, min_tokens=12)]
    with model.restore(path) as found:
        assert [step.token for step in found.generate(max_new_tokens=12, min_tokens=12)] == rest


def test_some_forks_speak_and_those_that_are_stopped_say_no_more():
    with tiny_model().session() as session, session.read(tokens(40)).fork(of=[0, 0, 0]) as forks:
        said = []
        for step in forks.generate(of=[0, 2], max_new_tokens=6, min_tokens=6):
            said.append(step.sequence)
            if len(said) == 4:
                forks.stop(2)
        assert said == [0, 2, 0, 2, 0, 0, 0, 0]
        with pytest.raises(ValueError, match=r"of=3 is outside 0 \.\. 2"):
            forks.fork(of=[3])
        with pytest.raises(ValueError, match="of names no sequence"):
            forks.fork(of=[])
        with pytest.raises(ValueError, match="seeds has 2 numbers, allowed is 3"):
            forks.generate(seeds=[1, 2])


def test_a_policy_that_rehearses_need_not_be_known_while_reading(small_folder):
    model, plan = longspan.load(small_folder), "policy=kvzip(budget=25%)"
    text = " ".join(f"Keeper {number} lit lamp {number * 7 % 50}." for number in range(40))
    with model.session(plan) as alone, model.session() as shared:
        expected = alone.read(text).entries(1)
        found = shared.read(text).fork(plan).entries(1)
        assert found.lengths == expected.lengths
        assert torch.equal(found.positions, expected.positions)
        assert torch.equal(found.keys, expected.keys)

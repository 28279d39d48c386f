"""A known question stays, is not repeated, and a stream lets it go."""

import pytest
from kept import kept
from torch.testing import assert_close

from longspan.policies.kvzip import KVzip
from longspan.policies.tracker import Script
from tiny import tiny_model, tokens

TEXT, QUESTION = tokens(150).tolist(), tokens(30, seed=1).tolist()
ASKED = set(range(150, 180))

UNGUIDED = [
    "keydiff(budget=40)",
    "knorm(budget=0.1)",
    "random(budget=40)",
    "h2o(budget=40)",
    "tova(budget=40,when=chunk)",
    "lagkv(budget=40,lag_size=16)",
    "expected-attention(budget=40)",
    "snapkv(budget=40,window=8)",
    "snapkv(budget=40,window=8,kernel=1,allocator=adakv)",
    "pyramidkv(budget=60,window=8)",
    "chunkkv(budget=40,window=8)",
    "kvzip(budget=40,chunk=64)",
    "kvzip(budget=0.1,chunk=64)",
    "criticalkv(budget=40,scorer=knorm)",
    "ems(budget=40,window=8)",
]


@pytest.mark.parametrize("policy", UNGUIDED)
def test_a_known_question_always_stays(policy):
    with tiny_model().session(f"policy={policy}", chunk=64) as session:
        session.read(TEXT, question=QUESTION)
        for layer in kept(session):
            for row in layer:
                assert set(row) >= ASKED
                assert len(row) <= 150
        session.read(tokens(60, seed=2))
        rows = [set(row) for layer in kept(session) for row in layer]
    assert not all(row >= ASKED for row in rows)  # of the past, it is text like any other


def test_other_entries_compete_for_what_the_question_leaves():
    with tiny_model().session("policy=knorm(budget=50)", chunk=64) as session:
        rows = kept(session.read(TEXT, question=QUESTION))
    with tiny_model().session("", chunk=64) as session:
        session.read([*TEXT, *QUESTION])
        stores = [layer.store for layer in session.sequences[0].layers]
        norms = [store.vectors()[0].norm(dim=-1)[:, :150] for store in stores]
    for layer, short in zip(rows, norms, strict=True):
        for row, each in zip(layer, short, strict=True):
            assert row[20:] == sorted(ASKED)
            # Repeated tokens have keys of the same length.
            assert_close(each[row[:20]].sort().values, each.topk(20, largest=False).values.sort().values)


def test_a_budget_below_the_question_is_raised_to_it():
    with tiny_model().session("policy=keydiff(budget=8)", chunk=64) as session:
        assert kept(session.read(TEXT, question=QUESTION)) == [[sorted(ASKED)] * 2] * 3


@pytest.mark.parametrize("policy", ["knorm(budget=40,when=chunk)", "kvzip(budget=40,chunk=64,when=chunk)"])
def test_it_stays_while_the_answer_is_made_and_in_forks(policy):
    with tiny_model().session(f"policy={policy}", chunk=16) as session:
        session.read(TEXT, question=QUESTION)
        twin = session.fork()
        for each in (session, twin):
            list(each.generate(max_new_tokens=40))
            for layer in kept(each):
                for row in layer:
                    assert set(row) >= ASKED
                    assert len(row) <= 40 + 16
    twin.close()


def test_a_fork_under_a_policy_knows_the_question_too():
    with tiny_model().session("", chunk=64, forks=["policy=kvzip(budget=40,chunk=64)"]) as session:
        session.read(TEXT, question=QUESTION)
        with session.fork("policy=kvzip(budget=40,chunk=64)") as fork:
            forked = kept(fork)
    with tiny_model().session("policy=kvzip(budget=40,chunk=64)", chunk=64) as session:
        assert kept(session.read(TEXT, question=QUESTION)) == forked


def test_kvzip_repeats_the_text_and_not_the_question():
    policy = KVzip(chunk=64, tail=2)
    prompts = policy.rehearsals(Script(ids=TEXT, question=(), encode=lambda text: [9], chunk=32, reply=[8]))
    assert list(prompts) == [
        [9, *TEXT[126:128], 8, *TEXT[128:]],
        [9, *TEXT[62:64], 8, *TEXT[64:128]],
        [9, 8, *TEXT[:64]],
    ]
    with tiny_model().session("policy=kvzip(budget=40,chunk=64)", chunk=32) as session:
        session.read(TEXT, question=QUESTION)
        (memory,) = session.sequences
        assert memory.script().ids == TEXT


def test_a_stream_lets_the_question_go_and_never_grows():
    with tiny_model().session("policy=streamingllm(budget=40)", chunk=64) as session:
        session.read(TEXT, question=QUESTION)
        assert kept(session) == [[[0, 1, 2, 3, *range(144, 180)]] * 2] * 3
        for count, _ in enumerate(session.generate(max_new_tokens=60)):
            assert kept(session) == [[[0, 1, 2, 3, *range(144 + count, 180 + count)]] * 2] * 3
    with tiny_model().session("policy=streamingllm(budget=40,every=16)", chunk=64) as session:
        session.read(TEXT)
        most = max(len(kept(session)[0][0]) for _ in session.generate(max_new_tokens=40))
    assert most == 40 + 15

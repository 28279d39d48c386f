"""Medoid voting: several orders of the same texts, and the answer most like the others."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.likeness import held, shared
from longspan.flows.medoid_voting import MedoidVoting, medoid
from longspan.flows.scripted import Scripted
from longspan.retrieval.embedders.base import Embedder

QUESTION = "Where is the letter?"


@given(st.lists(st.lists(st.floats(-1, 1), min_size=6, max_size=6), min_size=2, max_size=6))
def test_the_medoid_is_the_first_with_the_highest_mean_to_the_others(likeness):
    count = len(likeness)
    means = [
        sum(row[at] for at in range(count) if at != number) / (count - 1)
        for number, row in enumerate(likeness)
    ]
    best = medoid([row[:count] for row in likeness])
    assert means[best] == pytest.approx(max(means), abs=1e-8)
    assert all(mean < means[best] - 1e-10 for mean in means[:best]) or means[0] == pytest.approx(
        means[best], abs=1e-8
    )


def test_ties_go_to_the_first():
    assert medoid([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) == 0
    assert medoid([[1, 0, 0], [0, 1, 0.9], [0, 0.9, 1]]) == 1


def test_likeness_is_of_words():
    assert shared("The baker!", "a Baker") == 1
    assert shared("the baker", "the old baker") == pytest.approx(2 / 3)
    assert shared("", "") == 1
    assert shared("", "x") == 0
    assert held("the baker", "the old baker") == 1
    assert held("the old baker", "the baker") == 0.5


def run(rules, documents=None, events=None, **changes):
    chat = Scripted(rules)
    told, steps, pieces = events or heard()
    flow = MedoidVoting(**({"tokens": 200, "passage": 40} | changes))
    answer = flow.answer(chat, documents or [book({2: FACT, 9: OTHER})], QUESTION, told)
    return chat, answer, steps, pieces


def replies(*said):
    given_ = iter(said)
    return [("", lambda asked: next(given_))]


def test_the_same_passages_are_read_in_other_orders_and_one_answer_is_given():
    chat, answer, steps, pieces = run(replies("Nowhere.", "Under the stone.", "It is under the stone."))
    assert chat.groups == [3]
    assert answer.text == "Under the stone."
    assert pieces == [answer.text]
    assert all(FACT in call for call in chat.asked)
    assert len({tuple(sorted(call.split("\n"))) for call in chat.asked}) <= 3
    assert len(set(chat.asked)) > 1
    assert [each["temperature"] for each in chat.settings] == [0.7] * 3
    assert answer.usage.truncated_tokens > 0
    again, *_ = run(replies("Nowhere.", "Under the stone.", "It is under the stone."))
    assert again.asked == chat.asked
    assert steps[-1] == "3 answers, of which number 2 is most like the others"


def test_documents_that_fit_stay_whole():
    documents = [
        book({0: fact}, 1, f"{name}.txt") for name, fact in (("a", FACT), ("b", OTHER), ("c", "Noise."))
    ]
    chat, answer, _, _ = run(replies("x", "x", "x", "x", "x"), documents, tokens=4096, runs=5)
    orders = [[call.index(f"Document: {name}") for name in "abc"] for call in chat.asked]
    assert len({tuple(sorted(range(3), key=order.__getitem__)) for order in orders}) > 1
    assert all(each.text in call for call in chat.asked for each in documents)
    assert answer.usage.truncated_tokens == 0


def test_calls_that_fail_do_not_vote():
    _, answer, steps, _ = run(replies("a b", WindowExceeded("no"), "a b c"))
    assert answer.text == "a b"
    assert steps[-1].startswith("2 answers")
    with pytest.raises(FlowError, match="all 3 calls failed, the first because: no"):
        run([("", WindowExceeded("no"))])


def test_an_embedder_may_say_what_is_alike():
    @dataclass(frozen=True, kw_only=True)
    class Lengths(Embedder):
        identity = "lengths"

        def embed(self, texts, progress=None):
            return np.array([[1, 0] if len(text) > 3 else [0, 1] for text in texts], dtype=np.float32)

        embed_query = embed_tokens = known = None

    _, answer, _, _ = run(replies("a b", "something", "else entirely"), embedder=Lengths())
    assert answer.text == "something"


@pytest.mark.parametrize("reply", ["", "NONE", "I'm sorry.", "round " * 99])
def test_hostile_answers_are_answers(reply):
    _, answer, _, _ = run([("", reply)])
    assert answer.text == reply
    assert not any(claim.state == "verified" for claim in answer.claims)

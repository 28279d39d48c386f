"""Chain of agents: strict order, notes handed on, and what never reaches them."""

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import NOT_FOUND
from longspan.flows.chain_of_agents import ChainOfAgents
from longspan.flows.scripted import Scripted

QUESTION = "Where is the letter?"
LONG = " ".join(f"Then {number} came and went." for number in range(12))
READ, SHORTEN, ANSWER = "Write the notes anew", "Write them again in at most", "taken while a longer text"


def run(rules, **changes):
    chat = Scripted(rules)
    events, steps, pieces = heard()
    flow = ChainOfAgents(**({"chunk": 300, "note": 30} | changes))
    answer = flow.answer(chat, [book({2: FACT, 9: OTHER})], QUESTION, events)
    return chat, answer, steps, pieces


def reader(asked):
    before = FACT in asked.split("The next part")[0]
    facts = [fact for fact in (FACT, OTHER) if fact in asked]
    return " ".join(facts) if before or facts else "NONE"


def test_each_note_is_in_the_next_prompt_and_the_last_one_answers():
    chat, answer, _, pieces = run([(ANSWER, f"“{FACT}”"), (READ, reader)])
    *reads, last = chat.asked
    notes = [call.split("The next part")[0] for call in reads]
    pages = [call.split("The next part")[1] for call in reads]
    assert [f"Page {number}." in "".join(pages) for number in range(12)] == [True] * 12
    at = next(number for number, page in enumerate(pages) if FACT in page)
    assert [FACT in note for note in notes] == [number > at for number in range(len(notes))]
    assert FACT in last
    assert OTHER in last
    assert "Page" not in last
    assert answer.claims[0].state == "verified"
    assert pieces == [answer.text]


@pytest.mark.parametrize("reply", ["", "NONE", "**None.**", "I'm sorry, but I cannot help with that."])
def test_what_says_nothing_leaves_the_note_as_it_was(reply):
    chat, _, _, _ = run([(ANSWER, "x"), ("Page 2.", FACT), (READ, reply)])
    assert FACT in chat.asked[-1]
    chat, answer, _, _ = run([(READ, reply)])
    assert answer.text == NOT_FOUND
    assert all(READ in call for call in chat.asked)


def test_a_note_that_goes_round_in_circles_is_heard_up_to_there():
    chat, _, _, _ = run(
        [(ANSWER, "x"), ("Page 2.", f"{FACT}\n" * 30), ("NONE\n\nThe next", "NONE"), (READ, "NONE")]
    )
    assert chat.asked[-1].count(FACT) == 1
    assert not any(SHORTEN in call for call in chat.asked)


@pytest.mark.parametrize(
    ("shorter", "kept"),
    [
        ("The baker hid it.", "The baker hid it."),
        (f"{FACT} {LONG}", FACT),
        ("", FACT),
    ],
)
def test_a_note_that_is_too_long_is_shortened_by_one_more_call(shorter, kept):
    long = f"{FACT} {LONG}"
    chat, _, steps, _ = run([(ANSWER, "x"), (SHORTEN, shorter), ("Page 2.", long), (READ, "NONE")])
    assert sum(SHORTEN in call for call in chat.asked) == 1
    assert kept in chat.asked[-1]
    assert chat.count(chat.asked[-1]) < 70
    assert any("are cut" in step for step in steps) == (kept == FACT)


def test_a_worker_who_fails_is_named_and_many_end_the_flow():
    fails = WindowExceeded("too long")
    chat, answer, _, _ = run([(ANSWER, "x"), ("Page 4.", fails), (READ, reader)])
    (unread,) = answer.unread
    assert "Page 4." in unread.span.text
    assert FACT in chat.asked[-1]
    with pytest.raises(FlowError, match="calls failed"):
        run([(READ, fails)])

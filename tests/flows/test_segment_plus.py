"""SEGMENT+: evidence that stands in its part, notes that help, and their joining."""

import json

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import NOT_FOUND
from longspan.flows.scripted import Scripted
from longspan.flows.segment_plus import SegmentPlus

QUESTION = "Where is the letter?"
NOTE, FILTER, MERGE, ANSWER = (
    "the sentences of this part",
    "keep or remove",
    "Join them into one",
    "From these notes:",
)
WORDS = " ".join(f"w{number}" for number in range(25))
NOISE = "The sea was calm that day."


def note(evidence, reasoning="It says so."):
    return f"Evidence: {evidence}\nReasoning: {reasoning}"


def run(rules, facts=None, **changes):
    chat = Scripted(rules)
    events, steps, pieces = heard()
    flow = SegmentPlus(**({"chunk": 270, "note": 30} | changes))
    answer = flow.answer(chat, [book({2: FACT, 9: OTHER} if facts is None else facts)], QUESTION, events)
    return chat, answer, steps, pieces


def test_notes_with_evidence_are_filtered_and_answered_from():
    chat, answer, _, pieces = run(
        [
            (ANSWER, f"It is under the stone. “{FACT}”"),
            (lambda asked: FILTER in asked and NOISE in asked, "Remove."),
            (FILTER, "**keep**"),
            (FACT, note(f"“{FACT}”")),
            (OTHER, json.dumps({"evidence": [OTHER], "reasoning": "There it is."})),
            ("Page 5.", note(NOISE)),
            (NOTE, note("NONE", "NONE")),
        ]
    )
    assert chat.groups[1] == 3
    last = chat.asked[-1]
    assert last.index(FACT) < last.index("It says so.") < last.index(OTHER) < last.index("There it is.")
    assert NOISE not in last
    assert pieces == [answer.text]
    assert [claim.state for claim in answer.claims][-1] == "verified"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        note("The miller burnt the letter."),
        note("the sentences of this part that help to answer the question, word for word; or NONE."),
        "I'm sorry, I can't help with that.",
        "Evidence: " + "the letter is here. " * 40,
        '{"evidence": ',
    ],
)
def test_a_note_without_evidence_in_its_part_is_dropped(reply):
    chat, answer, _, _ = run([(NOTE, reply)])
    assert (answer.text, len(chat.groups)) == (NOT_FOUND, 1)


def test_a_filter_that_says_neither_keeps_and_one_that_removes_all_ends():
    chat, _, _, _ = run([(ANSWER, "x"), (FILTER, "I think it helps."), (FACT, note(FACT)), (NOTE, "NONE")])
    assert FACT in chat.asked[-1]
    chat, answer, _, _ = run([(FILTER, "remove"), (FACT, note(FACT)), (NOTE, "NONE")])
    assert answer.text == NOT_FOUND


def test_notes_that_do_not_fit_are_joined_with_the_evidence_of_all():
    facts = {page: f"Page {page} tells of letter {page}." for page in range(12)}
    copied = lambda asked: note(next(fact for fact in facts.values() if fact in asked), WORDS)  # noqa: E731
    rules = [
        (ANSWER, "x"),
        (MERGE, note("an invented one", "All of them.")),
        (FILTER, "keep"),
        (NOTE, copied),
    ]
    chat, _, _, _ = run(rules, facts)
    assert any(MERGE in call for call in chat.asked)
    assert all(fact in chat.asked[-1] for fact in facts.values())
    with pytest.raises(FlowError, match="after they were joined"):
        run([(MERGE, note("x", " ".join(f"v{number}" for number in range(400)))), *rules[2:]], facts)


def test_a_failed_call_leaves_its_part_unread_and_many_end_the_flow():
    rules = [
        (ANSWER, "x"),
        (FILTER, "keep"),
        ("Page 4.", WindowExceeded("no")),
        (FACT, note(FACT)),
        (NOTE, "NONE"),
    ]
    _, answer, _, _ = run(rules)
    (unread,) = answer.unread
    assert "Page 4." in unread.span.text
    with pytest.raises(FlowError, match="calls failed"):
        run([(NOTE, WindowExceeded("no"))])

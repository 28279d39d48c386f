"""ALR²: only what stands in the text is reasoned over."""

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.alr2 import ALR2
from longspan.flows.base import NOT_FOUND
from longspan.flows.scripted import Scripted

QUESTION = "Where is the letter?"
COPY, AGAIN, ANSWER = "Copy from it", "That does not stand", "From these sentences alone"


def flow_of(**changes):
    return ALR2(**({"chunk": 250, "note": 30} | changes))


def run(rules, facts=None, **changes):
    chat = Scripted(rules)
    events, steps, pieces = heard()
    document = book({2: FACT, 9: OTHER} if facts is None else facts)
    answer = flow_of(**changes).answer(chat, [document], QUESTION, events)
    return chat, answer, steps, pieces


def test_sentences_are_copied_from_each_part_and_answered_from():
    chat, answer, steps, pieces = run(
        [
            (ANSWER, "The baker hid it under the stone."),
            (FACT, f'1. "{FACT}"\nThe baker hid the letter'),
            (OTHER, "NONE\n- the stone lies behind the Mill"),
            (COPY, "None."),
        ]
    )
    *copies, last = chat.asked
    assert all(COPY in call for call in copies)
    assert chat.groups == [len(copies)]
    assert last.index(FACT) < last.index(OTHER)
    assert last.count(FACT) == 1
    assert "sea" not in last
    assert pieces == [answer.text]
    assert [source.text for claim in answer.claims for source in claim.sources] == [FACT]
    assert steps[-1].startswith("2 sentences bear on the question, 0 lines")


@pytest.mark.parametrize(
    "reply",
    [
        "The miller burnt the letter.",  # invented
        "I'm sorry, but I can't help with that.",
        "The sentence that helps.\n" * 40,
        "each sentence that helps to answer the question, one a line",  # what was asked, echoed
        "The text says that no information was lost, so the answer is NONE.",
    ],
)
def test_what_stands_nowhere_is_asked_for_once_more_and_never_reasoned_over(reply):
    chat, answer, steps, _ = run([(AGAIN, reply), (FACT, reply), (COPY, "NONE")])
    assert answer.text == NOT_FOUND
    assert not any(ANSWER in call for call in chat.asked)
    (again,) = [call for call in chat.calls if any(AGAIN in each["content"] for each in call)]
    assert [each["role"] for each in again] == ["user", "assistant", "user"]
    assert chat.groups[1:] == [1]
    assert "read again" in steps[1]


@pytest.mark.parametrize("reply", ["", "NONE", "**None**", "none.\nNONE"])
def test_where_nothing_is_copied_nothing_more_is_asked(reply):
    chat, answer, _, _ = run([(COPY, reply)])
    assert (answer.text, answer.claims, len(chat.groups)) == (NOT_FOUND, (), 1)


def test_the_second_time_may_be_right():
    chat, answer, _, _ = run(
        [(ANSWER, "Under it."), (AGAIN, FACT), (FACT, "The letter is gone."), (COPY, "NONE")]
    )
    assert FACT in chat.asked[-1]
    assert answer.text == "Under it."


def test_a_quote_that_differs_in_a_letter_is_shown_as_it_stands():
    chat, _, _, _ = run([(ANSWER, "x"), (FACT, FACT.replace("hid", "hit")), (COPY, "NONE")])
    assert FACT in chat.asked[-1]


def test_more_sentences_than_fit_are_those_that_speak_most_of_the_question():
    facts = {page: f"In year {page} the letter came, and " + "w" * page + " knew it." for page in range(12)}
    facts[5] = "Where is the letter? The letter is in the well."
    chat = Scripted(
        [(ANSWER, "In the well."), (COPY, lambda asked: "\n".join(f for f in facts.values() if f in asked))]
    )
    chat.longest = 380
    events, steps, _ = heard(max_new_tokens=250)
    answer = flow_of().answer(chat, [book(facts)], QUESTION, events)
    assert answer.text == "In the well."
    assert "in the well" in chat.asked[-1]
    assert any("do not fit into the last call" in step for step in steps)


def test_a_failed_call_leaves_its_part_unread_and_many_end_the_flow():
    rules = [(ANSWER, "x"), ("Page 4.", WindowExceeded("too long")), (FACT, FACT), (COPY, "NONE")]
    _, answer, _, _ = run(rules)
    (unread,) = answer.unread
    assert "Page 4." in unread.span.text
    with pytest.raises(FlowError, match="calls failed"):
        run([(COPY, WindowExceeded("too long"))])


def test_a_question_that_leaves_no_room_is_refused():
    with pytest.raises(WindowExceeded, match="leave no room"):
        flow_of().answer(Scripted([]), [book({})], "why " * 5000, heard()[0])

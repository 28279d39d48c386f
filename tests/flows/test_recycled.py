"""Recycled demonstrations: pairs from the text itself, checked against their paragraphs."""

import re

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.recycled import Recycled
from longspan.flows.scripted import Scripted

QUESTION = "Where is the letter?"


def paired(asked):
    page = re.search(r"Page (\d+)", asked)[1]
    return f"Question: Which page is it after {page}?\nAnswer: Page {page}."


def run(pair=paired, last="Paragraph: 3\nAnswer: under the stone", longest=4096, **changes):
    chat = Scripted([("Write one question", pair), ("numbered paragraphs", last)], longest=longest)
    told, steps, pieces = heard(max_new_tokens=64)
    flow = Recycled(**({"paragraph": 105} | changes))
    answer = flow.answer(chat, [book({2: FACT, 9: OTHER})], QUESTION, told)
    return chat, answer, steps, "".join(pieces)


def test_pairs_stand_behind_the_numbered_text_with_their_paragraphs():
    chat, answer, steps, streamed = run()
    assert chat.groups == [3]
    last = chat.asked[-1]
    shots = re.findall(r"Question: Which page is it after (\d+)\?\nParagraph: (\d+)\nAnswer: Page \1\b", last)
    assert len(shots) == 3
    for page, number in shots:
        assert re.search(rf"^\[{number}\] Page {page}\.", last, re.MULTILINE)
    assert last.endswith(f"Question: {QUESTION}")
    assert answer.text == streamed == "under the stone"
    assert all(FACT in claim.sources[0].document.text for claim in answer.claims if claim.sources)
    assert answer.usage.truncated_tokens == 0
    assert steps == ["reads 12 of 12 paragraphs, behind 3 questions made of them"]
    assert chat.calls == run()[0].calls
    assert chat.calls != run(seed=1)[0].calls


@pytest.mark.parametrize(
    "said",
    [
        "",
        "I cannot do that.",
        "Question: What?\nAnswer: what nobody wrote",
        "Question: What?\nAnswer: NONE",
        "Answer: The sea was calm that day.",
        f"Question: {QUESTION}\nAnswer: The sea was calm that day.",
    ],
)
def test_pairs_that_are_not_usable_are_made_of_other_paragraphs_and_then_done_without(said):
    chat, answer, steps, _ = run(said, tries=2)
    assert chat.groups == [3, 3]
    assert len(set(chat.asked[:-1])) == 6
    assert steps[0].endswith("behind 0 questions made of them")
    assert answer.text == "under the stone"


def test_a_paragraph_that_gives_none_is_made_up_for_by_another():
    first = []

    def once(asked):
        first.append(asked)
        return "nothing" if len(first) == 1 else paired(asked)

    chat, _, _, _ = run(once)
    assert chat.groups == [3, 1]
    assert chat.asked[-1].count("Question: ") == 4


def test_of_a_text_that_does_not_fit_the_paragraphs_that_speak_of_it_are_read():
    _, answer, steps, _ = run(longest=1000)
    assert answer.usage.truncated_tokens > 0
    assert (
        FACT in "".join(each.text for claim in answer.claims for each in claim.sources) or not answer.claims
    )
    assert re.match(r"reads [3-6] of 12 ", steps[0])
    with pytest.raises(WindowExceeded):
        run(longest=300)


@pytest.mark.parametrize("last", ["It is under the stone.", "Paragraph: 999\nAnswer:"])
def test_an_answer_of_another_form_is_given_as_it_is(last):
    assert run(last=last)[1].text == last


def test_calls_that_fail_end_it():
    with pytest.raises(FlowError, match="3 of 3 calls failed"):
        run(FlowError("down"))

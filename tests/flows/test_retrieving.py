"""Flows that retrieve while they run: what is asked, in which order, within which tokens."""

import re

import pytest

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.alr2 import ALR2
from longspan.flows.base import NOT_FOUND, Events
from longspan.flows.best_passages import BestPassages
from longspan.flows.context_picker import ContextPicker
from longspan.flows.iter_drag import IterDRAG
from longspan.flows.narrowed import Narrowed
from longspan.flows.scripted import Scripted
from longspan.spans import Document

FACTS = ("The letter was hidden by Mira.", "Mira is the baker of the village.")
QUESTION = "Which trade has whoever had the letter hidden in the village by night?"


def pages(*facts, count=40):
    """A document of passages of about 20 words, some with a fact."""
    told = [f"Page {number} of the village. " + "The sea was calm that day. " * 2 for number in range(count)]
    for number, fact in zip((7, 25), facts, strict=False):
        told[number] += fact
    return Document("book.txt", "\n\n".join(told))


def numbers(call):
    return [int(each) for each in re.findall(r"Page (\d+) of", call)]


# Context-Picker: what can be done without is left out.


def test_only_the_passages_that_are_needed_are_read():
    def verdict(asked):
        return "**Yes**, it can." if all(fact in asked for fact in FACTS) else "NO"

    chat = Scripted([("Write YES or NO", verdict), ("answer this", "The baker.")])
    answer = ContextPicker(passages=6, passage=30).answer(chat, [pages(*FACTS)], QUESTION, Events())
    assert answer.text == "The baker."
    counts = [len(numbers(call)) for call in chat.asked]
    assert counts[0] == 6
    assert counts[-1] == 2
    assert len(chat.calls) == 1 + 6 + 1
    assert all(fact in chat.asked[-1] for fact in FACTS)
    assert numbers(chat.asked[-1]) == [7, 25]
    left = [number for number in range(40) if number not in numbers(chat.asked[0])]
    assert answer.usage.truncated_tokens == pytest.approx(len(left) * 17, abs=6)


@pytest.mark.parametrize("reply", ["", "NO", "I cannot say.", "YESTERDAY", "NO " * 8])
def test_where_all_together_do_not_suffice_all_are_read(reply):
    chat = Scripted([("Write YES or NO", reply), ("answer this", "The baker.")])
    ContextPicker(passages=6, passage=30).answer(chat, [pages(*FACTS)], QUESTION, Events())
    assert [len(numbers(call)) for call in chat.asked] == [6, 6]


def test_a_passage_is_left_out_where_the_odds_of_a_yes_hardly_fall():
    def sure(asked):
        return f"{0.2 + 0.05 * sum(fact in asked for fact in FACTS):.2f}"

    for loss, left in ((0.1, 2), (10, 1), (0, 2)):
        chat = Scripted([("Write YES or NO", sure), ("answer this", "The baker.")])
        ContextPicker(passages=6, passage=30, loss=loss).answer(chat, [pages(*FACTS)], QUESTION, Events())
        assert len(numbers(chat.asked[-1])) == left


def test_where_no_passage_speaks_of_the_question_nobody_is_asked():
    chat = Scripted([])
    answer = ContextPicker().answer(chat, [pages()], "Zebra?", Events())
    assert (answer.text, answer.citations, chat.calls) == (NOT_FOUND, (), [])


def test_a_verdict_that_cannot_be_had_keeps_the_passage_and_many_end_the_flow():
    broken = iter([False, True, *[False] * 20])

    def verdict(asked):
        return WindowExceeded("too long") if next(broken) else "YES"

    chat = Scripted([("Write YES or NO", verdict), ("answer this", "The baker.")])
    ContextPicker(passages=6, passage=30).answer(chat, [pages(*FACTS)], QUESTION, Events())
    (kept,) = numbers(chat.asked[-1])
    assert {kept} == {*numbers(chat.asked[0])} - {*numbers(chat.asked[1])}
    chat = Scripted([("Write YES or NO", WindowExceeded("too long"))])
    with pytest.raises(FlowError, match="1 of 3 calls failed"):
        ContextPicker(passages=2, passage=30).answer(chat, [pages(*FACTS)], QUESTION, Events())


# IterDRAG: rounds of questions within a budget.


def flow_of(**changes):
    return IterDRAG(**({"passage": 30, "passages": 3} | changes))


def test_each_follow_up_retrieves_again_and_is_answered_before_the_end():
    def step(asked):
        return (
            "So the final answer is: the baker"
            if "Intermediate answer: a baker" in asked
            else ("**Follow up:** What is Mira?\nIntermediate answer: invented")
        )

    chat = Scripted(
        [
            ("Write exactly one line. If", step),
            ("write exactly one line:\nInter", "Intermediate answer: a baker"),
            ("answer this", "The baker."),
        ]
    )
    lines = []
    answer = flow_of().answer(chat, [pages(*FACTS)], "Who hid the letter?", Events(step=lines.append))
    assert answer.text == "The baker."
    assert len(chat.calls) == 4
    assert lines == ["follows up: What is Mira?"]
    assert FACTS[0] in chat.asked[0]
    assert FACTS[1] not in chat.asked[0]
    assert "Question: What is Mira?" in chat.asked[1]
    assert FACTS[1] in chat.asked[1]
    assert all(fact in chat.asked[-1] for fact in FACTS)
    assert "Follow up: What is Mira?\nIntermediate answer: a baker" in chat.asked[-1]
    best = chat.asked[1].rindex(FACTS[0]), chat.asked[1].rindex(FACTS[1])
    assert max(best) > chat.asked[1].rindex("Page"), "the best passage stands last"


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        ("", 3),
        ("The baker.", 3),
        ("Follow up: NONE", 3),
        ("Follow up: who hid the letter?", 2),
        ("So the final answer is: nobody", 2),
        ("Follow up: " + "why " * 20, 4),
    ],
)
def test_another_form_is_asked_for_once_more_and_then_ends_the_asking(reply, calls):
    chat = Scripted(
        [
            ("Write exactly one line. If", reply),
            ("write exactly one line:\nInter", "NONE"),
            ("answer this", "The baker."),
        ]
    )
    flow_of(rounds=3).answer(chat, [pages(*FACTS)], "Who hid the letter?", Events())
    assert len(chat.calls) == calls


@pytest.mark.parametrize("budget", [1500, 3000, 6000])
@pytest.mark.parametrize("rounds", [0, 2, 3])
def test_all_calls_together_stay_within_the_budget(budget, rounds):
    asked = iter(range(99))
    chat = Scripted(
        [
            ("Write exactly one line. If", lambda _: f"Follow up: What is on page {next(asked)}?"),
            ("write exactly one line:\nInter", "Intermediate answer: the sea"),
            ("answer this", "The baker."),
        ]
    )
    flow = flow_of(budget=budget, rounds=rounds, passages=20)
    answer = flow.answer(chat, [pages(*FACTS)], "Who hid the letter?", Events())
    assert answer.usage.prompt_tokens <= budget
    assert len(chat.calls) == 2 * rounds + 1


def test_a_budget_without_room_is_refused_before_anything_is_asked():
    with pytest.raises(WindowExceeded, match=r"700 tokens in 7 calls leave no room.*raise budget=700"):
        flow_of(budget=700, rounds=3).answer(Scripted([]), [pages(*FACTS)], "Who hid the letter?", Events())


# Narrowed: another flow over passages that were found.


def test_a_flow_over_passages_cites_places_of_the_whole_document():
    def copied(asked):
        return "\n".join(fact for fact in FACTS if fact in asked) or "NONE"

    chat = Scripted([("Copy from it", copied), ("From these sentences alone", f"The baker: “{FACTS[0]}”")])
    whole = pages(*FACTS)
    flow = Narrowed(flow=ALR2(chunk=400), tokens=120, passage=30)
    answer = flow.answer(chat, [Document("other.txt", "The sea."), whole], QUESTION, Events())
    copying = "\n".join(call for call in chat.asked if "Copy from it" in call)
    assert all(fact in copying for fact in FACTS)
    assert len(copying.split()) < 300
    assert [(each.quote, each.document) for each in answer.citations][:1] == [(FACTS[0], "book.txt")]
    for each in answer.citations:
        assert each.verified
        assert whole.text[each.start : each.end] == each.quote
        assert f"line {whole.text[: each.start].count(chr(10)) + 1}" in each.place
    sources = [source for claim in answer.claims for source in claim.sources]
    assert sources
    assert all(source.document is whole and FACTS[0] in source.text for source in sources)
    assert answer.usage.truncated_tokens == pytest.approx(len(whole.text.split()) - 120, abs=40)


def test_what_goes_over_a_gap_is_no_quote():
    whole = pages(*FACTS)
    joined = "by Mira.\n\n[...]\n\nPage 25 of the village"
    chat = Scripted([("", f"It says “{joined}”")])
    answer = Narrowed(flow=BestPassages(), tokens=50, passage=20).answer(chat, [whole], QUESTION, Events())
    assert "[...]" in chat.asked[0]
    assert [each for each in answer.citations if "[...]" in each.quote and each.verified] == []

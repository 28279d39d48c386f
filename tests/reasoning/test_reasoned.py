"""Reasoning about documents, or about none, from the command and in runs."""

import pytest

from longspan.errors import UnknownMethod
from longspan.evaluation.flowing import flow_of
from longspan.flows.base import Events
from longspan.flows.scripted import Scripted
from longspan.reasoning.asking import Reasoned, reasoner_of
from longspan.reasoning.short_m_at_k import ShortMAtK
from longspan.spans import Document


def test_what_was_read_stands_in_the_prompt_and_carries_the_answer():
    said = iter(["It says “the mill burned in 1911”.\nAnswer: 1911", "no idea"])
    chat = Scripted(rules=[("When did the mill burn?", lambda _: next(said))])
    document = Document("town.txt", "The mill burned in 1911, and the bell rang.")
    flow = flow_of("self-consistency(chains=2)")
    answer = flow.answer(chat, [document], "When did the mill burn?", Events())
    assert answer.text.endswith("Answer: 1911")
    assert [each.verified for each in answer.citations if "1911" in each.quote] == [True]
    assert all("The mill burned in 1911, and" in each for each in chat.asked)
    assert answer.usage.generated_tokens == sum(len(each.split()) for each in (answer.text, "no idea"))


def test_a_question_may_stand_alone():
    chat = Scripted(rules=[("2 + 3", "Answer: 5")])
    answer = Reasoned(by=ShortMAtK(m=1, k=1)).answer(chat, [], "What is 2 + 3?", Events())
    assert (answer.text, answer.citations) == ("Answer: 5", ())


def test_what_is_no_way_to_reason_is_named():
    with pytest.raises(UnknownMethod, match="did you mean self-consistency"):
        reasoner_of("self-consistent")

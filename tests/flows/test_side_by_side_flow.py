"""The flow that reads documents side by side."""

import pytest

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Local
from longspan.flows.scripted import Scripted
from longspan.flows.side_by_side import SideBySide
from longspan.spans import Document
from longspan.windows.set_based import SetBased
from tiny import tiny_model

PETS = [Document("a", "The cat sat."), Document("b", "The dog ran."), Document("c", "A bird sang. " * 9)]


def answered(documents, flow):
    steps = []
    events = Events(step=steps.append, generation={"max_new_tokens": 4})
    return flow.answer(Local(tiny_model()), documents, "Who ran?", events), steps


def test_documents_and_parts_of_long_ones_are_windows():
    answer, steps = answered(PETS, SideBySide(tokens=64))
    assert steps == ["reads 5 windows of up to 64 tokens side by side"]
    assert not answer.unread
    assert answer.usage.truncated_tokens == 0
    assert {each.document for each in answer.citations} >= {"b"}
    whole = sum(len(each.text.encode()) for each in PETS)  # a byte is a token
    assert answer.usage.prompt_tokens > whole


def test_no_order_of_documents_matters_to_a_set():
    one, other = (answered(order, SideBySide(windows=SetBased()))[0] for order in (PETS, PETS[::-1]))
    assert one.text == other.text


def test_a_chat_that_shows_no_model_is_refused_by_name():
    with pytest.raises(FlowError, match="side-by-side"):
        SideBySide().answer(Scripted([]), PETS, "Who ran?", Events())
    with pytest.raises(ValueError, match="tokens=3"):
        SideBySide(tokens=3)

"""Responses that are gone on from, shown, forked and deleted, through the official client."""

import openai
import pytest
from keyed import responses_client, serving
from scripted_desk import ScriptedDesk, saying
from test_responses_client import create

from longspan.serving.events import Done, Ended, Spoken, Used
from longspan.serving.refused import Overlong


def said(asked):
    return [(each.role, each.text) for each in asked.turns]


FIRST = [("user", "One."), ("assistant", "All is well."), ("user", "Two.")]


def test_what_was_said_before_is_there_without_the_instructions(client, desk):
    first = create(client, "One.", instructions="Be brief.")
    second = create(client, "Two.", previous_response_id=first.id)
    assert said(desk.asked[-1]) == FIRST
    assert second.previous_response_id == first.id
    create(client, "Three.", previous_response_id=second.id, instructions="Be long.")
    assert said(desk.asked[-1]) == [
        ("system", "Be long."),
        *FIRST,
        ("assistant", "All is well."),
        ("user", "Three."),
    ]


def test_a_streamed_response_is_gone_on_from_at_once(client, desk):
    last = list(create(client, "One.", stream=True))[-1]
    create(client, "Two.", previous_response_id=last.response.id)
    assert said(desk.asked[-1]) == FIRST


def test_two_go_on_from_one(client, desk):
    first = create(client, "One.")
    desk.script = lambda asked: saying(f"Said after {asked.turns[-1].text}")
    left, right = (create(client, text, previous_response_id=first.id) for text in ("Left.", "Right."))
    create(client, "Three.", previous_response_id=left.id)
    assert said(desk.asked[-1])[2:4] == [("user", "Left."), ("assistant", "Said after Left.")]
    create(client, "Three.", previous_response_id=right.id)
    assert said(desk.asked[-1])[2:4] == [("user", "Right."), ("assistant", "Said after Right.")]


def test_what_is_unknown_foreign_or_not_stored_is_not_gone_on_from(client, other, desk):
    mine = create(client, "One.").id
    loose = create(client, "One.", store=False).id
    desk.asked.clear()
    for asking, name in ((client, "resp_0"), (other, mine), (client, loose)):
        with pytest.raises(openai.NotFoundError, match="not found") as caught:
            create(asking, "Two.", previous_response_id=name)
        assert caught.value.code == "previous_response_not_found"
        with pytest.raises(openai.NotFoundError):
            asking.responses.retrieve(name)
        with pytest.raises(openai.NotFoundError):
            asking.responses.delete(name)
        with pytest.raises(openai.NotFoundError):
            asking.responses.input_items.list(name)
    assert desk.asked == []


def test_a_response_is_shown_with_its_items_and_deleted(client, desk):
    first = create(client, "One.")
    second = create(client, "Two.", previous_response_id=first.id)
    shown = client.responses.retrieve(second.id)
    assert shown.output_text == "All is well."
    assert shown.to_dict() == second.to_dict()
    items = client.responses.input_items.list(second.id, order="asc")
    assert [each.role for each in items.data] == ["user", "assistant", "user"]
    assert [each.id for each in client.responses.input_items.list(second.id, limit=2)] == [
        each.id for each in items.data[::-1]
    ]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        create(client, "Two.", previous_response_id=first.id)
    create(client, "Three.", previous_response_id=second.id)
    assert said(desk.asked[-1])[:3] == FIRST


def full_at(words):
    """A desk that takes so many words."""

    def script(asked):
        count = sum(len(each.text.split()) for each in asked.turns)
        if count > words:
            raise Overlong(tokens=count, maximum=words, advice="shorten it")
        return saying("Yes.")

    return script


def test_what_was_said_first_goes_where_that_is_allowed_and_is_told(client, desk):
    desk.script = full_at(12)
    talk = [
        {"role": "user", "content": "one two three four"},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "five six"},
        {"role": "assistant", "content": "seven eight"},
        {"role": "user", "content": "nine ten eleven"},
        {"role": "assistant", "content": "twelve"},
        {"role": "user", "content": "thirteen"},
    ]
    with pytest.raises(openai.BadRequestError, match="maximum context length is 12"):
        create(client, talk, instructions="Be brief.")
    whole = create(client, talk, instructions="Be brief.", truncation="auto")
    assert said(desk.asked[-1]) == [
        ("system", "Be brief."),
        ("user", "nine ten eleven"),
        ("assistant", "twelve"),
        ("user", "thirteen"),
    ]
    dropped = [each["type"] for each in whole.longspan["dropped"]]
    assert dropped == ["message", "function_call", "function_call_output", "message"]
    assert whole.truncation == "auto"
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        create(client, "word " * 20, truncation="auto")
    fits = create(client, talk[4:], truncation="auto")
    assert "dropped" not in fits.longspan


def test_responses_outlive_a_restart_where_a_folder_is_given(tmp_path):
    with serving(ScriptedDesk, folder=tmp_path) as address, responses_client(address) as client:
        first = create(client, "One.").id
    desk = ScriptedDesk()
    with serving(lambda: desk, folder=tmp_path) as address, responses_client(address) as client:
        create(client, "Two.", previous_response_id=first)
    assert said(desk.asked[-1]) == FIRST


def test_the_least_used_goes_when_there_is_no_more_room_and_what_is_too_large_says_so():
    desk = ScriptedDesk()
    with serving(lambda: desk, responses=5000) as address, responses_client(address) as client:
        first, second = create(client, "One.").id, create(client, "Two.").id
        for number in range(5):
            create(client, f"Number {number}.")
            client.responses.retrieve(second)
            create(client, "Again.", previous_response_id=second, store=False)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first)
        assert client.responses.retrieve(second).id == second
        large = create(client, "word " * 4000)
        assert large.store is False
        assert "is not kept" in large.longspan["notes"][0]
        with pytest.raises(openai.NotFoundError):
            create(client, "On.", previous_response_id=large.id)


def test_half_an_answer_is_gone_on_from_as_it_is(client, desk):
    desk.script = lambda asked: [
        Spoken(index=0, text="Half"),
        Ended(index=0, why="length"),
        Done(used=Used()),
    ]
    first = create(client, "One.")
    create(client, "On.", previous_response_id=first.id)
    assert said(desk.asked[-1])[1] == ("assistant", "Half")

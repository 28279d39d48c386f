"""Responses through the official client, answered by a script or by a small model."""

import asyncio
import time

import openai
import pytest
from keyed import MINE
from pydantic import BaseModel
from scripted_desk import saying

from longspan.serving.events import Called, Done, Ended, Spoken, Used
from longspan.serving.refused import Overlong, Refused
from longspan.spans import Span, cite

ASKED = "Who lit the lamp?"
LAMP = "The lamp was lit by Mara at nine in the evening."


def create(client, given=ASKED, **fields):
    return client.responses.create(**{"model": "scripted", "input": given, **fields})


def streamed(client, given=ASKED, **fields):
    """The events of the client's own helper, and the response that it puts together."""
    with client.responses.stream(**{"model": "scripted", "input": given, **fields}) as stream:
        return list(stream), stream.get_final_response()


def test_a_response_and_its_stream_say_the_same(client, desk):
    whole = create(client, instructions="Be brief.", max_output_tokens=64, metadata={"a": "b"})
    assert whole.output_text == "All is well."
    assert (whole.status, whole.object, whole.metadata) == ("completed", "response", {"a": "b"})
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (7, 3, 10)
    events, final = streamed(client, instructions="Be brief.")
    assert final.output_text == whole.output_text
    assert final.usage == whole.usage
    assert [each.type for each in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 3,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [(each.role, each.text) for each in desk.asked[0].turns] == [
        ("system", "Be brief."),
        ("user", ASKED),
    ]
    assert desk.asked[0].generation["max_new_tokens"] == 64


def test_events_are_numbered_and_name_one_response(client, desk):
    events = list(create(client, stream=True))
    assert [each.sequence_number for each in events] == list(range(len(events)))
    assert len({each.response.id for each in events if hasattr(each, "response")}) == 1


def test_clients_that_wait_for_many(scripted, desk):
    async def work():
        async with openai.AsyncOpenAI(base_url=scripted[0], api_key=MINE, max_retries=0) as client:
            whole = await create(client)
            async with client.responses.stream(model="scripted", input=ASKED) as stream:
                return whole.output_text, (await stream.get_final_response()).output_text

    assert asyncio.run(work()) == ("All is well.",) * 2


TOOL = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": {
        "type": "object",
        "properties": {"at": {"type": "string"}},
        "required": ["at"],
        "additionalProperties": False,
    },
    "strict": True,
}


def calling(asked):
    return [
        Spoken(index=0, text="I look where it is.", reasoning=True),
        Spoken(index=0, text="Let me look."),
        Called(index=0, number=0, id="call_1", name="look"),
        Called(index=0, number=0, arguments='{"at": '),
        Called(index=0, number=0, arguments='"sea"}'),
        Called(index=0, number=1, id="call_2", name="look", arguments='{"at": "sky"}'),
        Ended(index=0, why="tool_calls"),
        Done(used=Used(prompt_tokens=3, generated_tokens=9, reasoning_tokens=4)),
    ]


def test_functions_are_called_and_their_results_are_told(client, desk):
    desk.script = calling
    whole = create(client, tools=[TOOL], reasoning={"effort": "low"})
    assert [each.type for each in whole.output] == ["reasoning", "message"] + ["function_call"] * 2
    assert whole.usage.output_tokens_details.reasoning_tokens == 4
    assert desk.asked[0].variables == {"reasoning_effort": "low", "enable_thinking": True}
    assert desk.asked[0].functions[0].strict
    events, final = streamed(client, tools=[TOOL])
    assert [each.parsed_arguments for each in final.output[2:]] == [{"at": "sea"}, {"at": "sky"}]
    assert [each.call_id for each in final.output[2:]] == ["call_1", "call_2"]
    assert {"response.reasoning_text.delta", "response.function_call_arguments.done"} <= {
        each.type for each in events
    }
    outputs = [
        {"type": "function_call_output", "call_id": f"call_{number}", "output": text}
        for number, text in ((1, "Water."), (2, [{"type": "input_text", "text": "Clouds."}]))
    ]
    create(client, [{"role": "user", "content": ASKED}, *whole.output, *outputs], tools=[TOOL])
    create(client, outputs, previous_response_id=whole.id, tools=[TOOL])
    for asked in desk.asked[-2:]:
        question, called, first, second = asked.turns
        assert question.text == ASKED
        assert (called.text, called.reasoning) == ("Let me look.", "I look where it is.")
        assert [each.arguments for each in called.calls] == ['{"at": "sea"}', '{"at": "sky"}']
        assert (first.role, first.answers, first.text) == ("tool", "call_1", "Water.")
        assert (second.answers, second.text) == ("call_2", "Clouds.")


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "name": "look"}, "=look"),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]},
            "required",
        ),
    ],
)
def test_which_function_is_called(client, desk, given, choice):
    create(client, tools=[TOOL], tool_choice=given, parallel_tool_calls=False)
    assert (desk.asked[-1].choice, desk.asked[-1].parallel) == (choice, False)


class Lamp(BaseModel):
    keeper: str


def test_an_answer_of_a_schema_is_parsed(client, desk):
    desk.script = lambda asked: saying('{"keeper": "Mara"}')
    parsed = client.responses.parse(model="scripted", input=ASKED, text_format=Lamp)
    assert parsed.output_parsed == Lamp(keeper="Mara")
    assert "form" in desk.asked[-1].generation


def test_quotes_are_annotations(client, desk):
    def quoting(asked):
        read = [Span(each, 0, len(each.text)) for turn in asked.turns for each in turn.documents]
        text = f"It says “{LAMP}”"
        cited = cite(text, ASKED, read, limit=0)
        return [Spoken(index=0, text=text), Ended(index=0, why="stop", citations=cited), Done(used=Used())]

    desk.script = quoting
    documents = {"longspan": {"documents": [{"name": "log", "text": LAMP}]}}
    whole = create(client, extra_body=documents)
    (note,) = whole.output[0].content[0].annotations
    assert (note.type, note.filename, note.quote) == ("file_citation", "log", LAMP)
    assert whole.longspan["citations"][0]["verified"]
    events, final = streamed(client, extra_body=documents)
    assert "response.output_text.annotation.added" in {each.type for each in events}
    assert final.output[0].content[0].annotations == whole.output[0].content[0].annotations


def test_too_short_an_answer_is_incomplete(client, desk):
    desk.script = lambda asked: [
        Spoken(index=0, text="Mara"),
        Ended(index=0, why="length"),
        Done(used=Used()),
    ]
    whole = create(client)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert list(create(client, stream=True))[-1].type == "response.incomplete"


def test_reading_is_told_where_that_is_asked_for(client, desk):
    events, _ = streamed(client, extra_body={"return_progress": True})
    (told,) = [each for each in events if each.type == "response.prompt_progress"]
    assert (told.total, told.processed) == (7, 7)


def test_tokens_are_counted(client, desk):
    counted = client.responses.input_tokens.count(model="scripted", input=ASKED, instructions="Be brief.")
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 6)
    assert desk.asked == []


def test_who_goes_away_is_not_worked_for(client, desk):
    desk.script = lambda asked: [*saying("Well.")[:2], *[0.05, Spoken(index=0, text="x")] * 200]
    with create(client, stream=True) as events:
        next(iter(events))
    with pytest.raises(openai.APITimeoutError):
        create(client, timeout=0.2)
    until = time.monotonic() + 5
    while not all(each.cancelled for each in desk.tickets) and time.monotonic() < until:
        time.sleep(0.02)
    assert [each.cancelled for each in desk.tickets] == [True, True]


def test_a_response_is_cancelled_while_it_streams(client, other, desk):
    desk.script = lambda asked: [*saying("Well.")[:2], *[0.05, Spoken(index=0, text="x")] * 200]
    with create(client, stream=True) as stream:
        events = iter(stream)
        name = next(events).response.id
        assert client.responses.retrieve(name).status == "in_progress"
        with pytest.raises(openai.NotFoundError):
            other.responses.cancel(name)
        assert client.responses.cancel(name).status == "cancelled"
        last = list(events)[-1]
    assert (last.type, last.response.status) == ("response.incomplete", "cancelled")
    assert desk.tickets[0].cancelled
    assert client.responses.retrieve(name).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="is cancelled; go on from None"):
        create(client, previous_response_id=name)
    with pytest.raises(openai.BadRequestError, match="is cancelled already"):
        client.responses.cancel(name)


def test_a_failure_in_mid_stream_is_told(client, desk):
    desk.script = lambda asked: [*saying("All is well.")[:3], Refused("gone", kind="overloaded")]
    events = list(create(client, stream=True))
    assert [each.type for each in events[-2:]] == ["error", "response.failed"]
    assert (events[-2].code, events[-2].message) == ("overloaded", "gone")
    assert events[-1].response.error.message == "gone"
    desk.script = lambda asked: [Refused("gone", kind="rate")]
    with pytest.raises(openai.RateLimitError):
        create(client, stream=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"background": True}, "background is not offered; send stream"),
        ({"conversation": "conv_1"}, "conversation is not offered"),
        ({"tools": [{"type": "web_search"}]}, "only functions are offered"),
        ({"tool_choice": {"type": "function", "name": "x"}, "tools": [TOOL]}, "none of the tools"),
        ({"input": None}, "input is missing or empty"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "not looked up"),
        ({"input": [{"type": "computer_call"}]}, "input.0..type is"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "images are not read"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "call_id is missing"),
        ({"input": [{"type": "compaction", "encrypted_content": "gAAA"}]}, "no compaction of this server"),
        ({"truncation": "some"}, "truncation"),
        ({"context_management": [{"type": "x"}]}, "context_management.0..type"),
        ({"longspan": {"plans": ""}}, "longspan.plans is not known"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_field(client, desk, fields, said):
    with pytest.raises(openai.BadRequestError, match=said) as caught:
        create(client, extra_body=fields)
    assert caught.value.param
    assert desk.asked == []


def test_too_long_a_prompt_is_refused_unless_something_may_go(client, desk):
    desk.script = lambda asked: [Overlong(tokens=9000, maximum=8192, advice="shorten it")]
    with pytest.raises(openai.BadRequestError, match="maximum context length") as caught:
        create(client)
    assert caught.value.code == "context_length_exceeded"


def test_a_real_model_answers_and_goes_on(small):
    whole = small.responses.create(model="small", input=ASKED, max_output_tokens=6)
    with small.responses.stream(model="small", input=ASKED, max_output_tokens=6) as stream:
        events = list(stream)
    assert events[-1].response.output_text == whole.output_text
    assert whole.usage.output_tokens == 6
    following = small.responses.create(
        model="small", input="And then?", previous_response_id=whole.id, max_output_tokens=4
    )
    assert following.usage.input_tokens > whole.usage.input_tokens + 6
    assert following.usage.input_tokens_details.cached_tokens > 0
    counted = small.responses.input_tokens.count(
        model="small", input="And then?", previous_response_id=whole.id
    )
    assert counted.input_tokens == following.usage.input_tokens

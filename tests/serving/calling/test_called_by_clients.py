"""Functions that official clients offer to a real model."""

import json

import jsonschema
import pytest
from keyed import messages_client, responses_client, serving

import longspan
from longspan.serving.local import Limits, LocalDesk

SCHEMA = {
    "type": "object",
    "properties": {
        "room": {"enum": ["blue", "rosé"]},
        "nights": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["room", "nights"],
    "additionalProperties": False,
}
ASKED = [{"role": "user", "content": "A room, please."}]
TOOLS = [{"type": "function", "function": {"name": "book", "parameters": SCHEMA, "strict": True}}]


@pytest.fixture(scope="module")
def address(small_folder):
    def make():
        return LocalDesk(longspan.load(small_folder), name="small", limits=Limits(chunk=64, answer=80))

    with serving(make) as found:
        yield found


@pytest.fixture(scope="module")
def client(address):
    with responses_client(address) as found:
        yield found


def asking(**more):
    asked = {"model": "small", "messages": ASKED, "tools": TOOLS, "tool_choice": "required"}
    return asked | {"parallel_tool_calls": False, "max_tokens": 100} | more


def test_a_call_is_answered_and_gone_on_from(client):
    made = client.chat.completions.create(**asking())
    (choice,) = made.choices
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content, call.function.name) == ("tool_calls", None, "book")
    jsonschema.validate(json.loads(call.function.arguments), SCHEMA)
    answer = {"role": "tool", "tool_call_id": call.id, "content": "Booked."}
    messages = [*ASKED, choice.message.model_dump(exclude_none=True), answer]
    more = client.chat.completions.create(**asking(messages=messages, tool_choice="none", max_tokens=4))
    assert more.choices[0].message.tool_calls is None
    assert more.usage.prompt_tokens > 40


def test_a_streamed_call_is_parsed_by_the_client(client):
    with client.chat.completions.stream(
        **asking(tool_choice={"type": "function", "function": {"name": "book"}})
    ) as each:
        done = [event for event in each if event.type == "tool_calls.function.arguments.done"]
        final = each.get_final_completion()
    jsonschema.validate(done[0].parsed_arguments, SCHEMA)
    assert final.choices[0].finish_reason == "tool_calls"


def test_a_client_of_the_other_protocol_gets_a_call_too(address):
    tool = {"name": "book", "input_schema": SCHEMA}
    choice = {"type": "any", "disable_parallel_tool_use": True}
    with messages_client(address) as client:
        made = client.messages.create(
            model="small", max_tokens=100, messages=ASKED, tools=[tool], tool_choice=choice
        )
    (block,) = made.content
    assert (made.stop_reason, block.type, block.name) == ("tool_use", "tool_use", "book")
    jsonschema.validate(block.input, SCHEMA)


def test_responses_hold_a_call_too(client):
    tool = {"type": "function", "name": "book", "parameters": SCHEMA, "strict": True}
    made = client.responses.create(
        model="small",
        input="A room, please.",
        tools=[tool],
        tool_choice="required",
        parallel_tool_calls=False,
        max_output_tokens=100,
    )
    (item,) = made.output
    assert (made.status, item.type, item.name) == ("completed", "function_call", "book")
    jsonschema.validate(json.loads(item.arguments), SCHEMA)

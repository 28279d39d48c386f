"""Chats whose answers are scripted: calls of functions, thoughts, quotes, failures, clients that go away."""

import asyncio
import json
import time

import httpx
import openai
import pytest
from scripted_desk import saying

from longspan.serving.events import Called, Done, Ended, Read, Spoken, Used
from longspan.serving.refused import Overlong, Refused
from longspan.spans import Citation

ASKED = [{"role": "user", "content": "What is the weather in Oslo?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells it.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def client(scripted):
    with openai.OpenAI(base_url=scripted[0], api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def desk(scripted):
    _, desk = scripted
    before = desk.script
    yield desk
    desk.script = before


def chat(client, **fields):
    return client.chat.completions.create(**{"model": "scripted", "messages": ASKED, **fields})


def calling(*, text=""):
    """Two calls at once, the first in pieces."""
    return [
        Read(processed=9, total=9, cached=4, seconds=0.2),
        *([Spoken(index=0, text=text)] if text else []),
        Called(index=0, number=0, id="call_a", name="weather", arguments=""),
        Called(index=0, number=0, arguments='{"city": '),
        Called(index=0, number=0, arguments='"Oslo"}'),
        Called(index=0, number=1, id="call_b", name="weather", arguments='{"city": "Rome"}'),
        Ended(index=0, why="tool_calls"),
        Done(used=Used(prompt_tokens=9, cached_tokens=4, generated_tokens=20)),
    ]


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "function": {"name": "weather"}}, "=weather"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}}, "required"),
    ],
)
def test_calls_of_functions_come_whole(client, desk, choice, asked):
    desk.script = lambda _: calling()
    answer = chat(client, tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False)
    assert (desk.asked[-1].choice, desk.asked[-1].parallel) == (asked, False)
    assert desk.asked[-1].functions[0].parameters == WEATHER["function"]["parameters"]
    message = answer.choices[0].message
    assert message.content is None
    assert [each.id for each in message.tool_calls] == ["call_a", "call_b"]
    assert [json.loads(each.function.arguments) for each in message.tool_calls] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


def test_calls_of_functions_come_in_pieces(client, desk):
    desk.script = lambda _: calling(text="I look.")
    strict = {**WEATHER, "function": {**WEATHER["function"], "strict": True}}
    strict["function"]["parameters"] = {**WEATHER["function"]["parameters"], "additionalProperties": False}
    with client.chat.completions.stream(model="scripted", messages=ASKED, tools=[strict]) as stream:
        kinds = [event.type for event in stream]
    assert "tool_calls.function.arguments.done" in kinds
    message = stream.get_final_completion().choices[0].message
    assert message.content == "I look."
    assert [each.function.parsed_arguments for each in message.tool_calls] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    assert desk.asked[-1].functions[0].strict


def test_what_a_tool_answered_is_a_turn(client, desk):
    call = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        *ASKED,
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."},
        {"role": "tool", "tool_call_id": "call_a", "content": [{"type": "text", "text": "Rain."}]},
    ]
    chat(client, messages=messages)
    system, _, assistant, tool = desk.asked[-1].turns
    assert (system.role, system.text) == ("system", "Be brief.")
    assert assistant.calls[0].name == "weather"
    assert assistant.reasoning == "Hm."
    assert (tool.role, tool.answers, tool.text) == ("tool", "call_a", "Rain.")


def test_thoughts_are_apart(client, desk):
    desk.script = lambda _: [
        Spoken(index=0, text="Let me see.", reasoning=True),
        Spoken(index=0, text="Rain."),
        Ended(index=0, why="stop"),
        Done(used=Used(prompt_tokens=3, generated_tokens=6, reasoning_tokens=4)),
    ]
    answer = chat(client, reasoning_effort="none")
    assert answer.choices[0].message.reasoning_content == "Let me see."
    assert answer.choices[0].message.content == "Rain."
    assert answer.usage.completion_tokens_details.reasoning_tokens == 4
    assert desk.asked[-1].variables == {"reasoning_effort": "none", "enable_thinking": False}
    deltas = [each.choices[0].delta for each in chat(client, stream=True)]
    assert [each.reasoning_content for each in deltas if "reasoning_content" in each.model_extra] == [
        "Let me see."
    ]
    assert "".join(each.content or "" for each in deltas) == "Rain."


CITED = (
    Citation("a.txt", 4, 8, "rain", verified=True, number=1, place="a.txt, line 1", sentence="The rain."),
    Citation("", None, None, "no such words", verified=False),
)


@pytest.mark.parametrize("stream", [False, True])
def test_quotes_come_with_the_answer(client, desk, stream):
    desk.script = lambda _: [
        Spoken(index=0, text="“rain”"),
        Ended(index=0, why="stop", citations=CITED),
        Done(used=Used(), notes=("two passages were read",)),
    ]
    said = {
        "documents": [{"name": "a\nb.txt", "text": "The rain."}],
        "cite": True,
        "plan": "policy=snapkv(budget=64)",
        "flow": "direct",
        "seconds": 9,
    }
    answer = chat(client, stream=stream, extra_body={"longspan": said})
    if stream:
        answer = list(answer)[-1]
    found = answer.longspan["citations"]
    assert [
        (each["quote"], each["document"], each["start"], each["end"], each["verified"]) for each in found
    ] == [
        ("rain", "a.txt", 4, 8, True),
        ("no such words", None, None, None, False),
    ]
    assert answer.longspan["notes"] == ["two passages were read"]
    choice = answer.choices[0]
    (annotation,) = choice.delta.annotations if stream else choice.message.annotations
    told = annotation if isinstance(annotation, dict) else annotation.model_dump()
    assert told["file_citation"]["filename"] == "a.txt"
    asked = desk.asked[-1]
    assert (asked.plan, asked.flow, asked.seconds, asked.cite) == (
        "policy=snapkv(budget=64)",
        "direct",
        9.0,
        True,
    )
    assert asked.turns[0].documents[0].name == "a b.txt"


@pytest.mark.parametrize(
    ("refused", "kind", "status"),
    [
        (Refused("no such context", kind="missing"), openai.NotFoundError, 404),
        (Refused("32 requests wait", kind="rate", retry_after=2), openai.RateLimitError, 429),
        (Refused("memory is used up", kind="overloaded", retry_after=2), openai.InternalServerError, 503),
        (Refused("it failed", kind="failed"), openai.InternalServerError, 500),
        (Refused("the key is not known", kind="unauthenticated"), openai.AuthenticationError, 401),
        (Overlong(tokens=9000, maximum=8192, advice="send less"), openai.BadRequestError, 400),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_are_errors_of_the_client(client, desk, refused, kind, status, stream):
    desk.script = lambda _: [refused]
    with pytest.raises(kind) as caught:
        chat(client, stream=stream)
    assert caught.value.status_code == status
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    if isinstance(refused, Overlong):
        assert caught.value.code == "context_length_exceeded"
        assert caught.value.body["message"].startswith(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens"
        )


def test_a_client_tries_again_after_it_was_told_to(scripted, desk):
    scripts = iter([[Refused("too many wait", kind="rate", retry_after=1)], saying("Now.")])
    desk.script = lambda _: next(scripts)
    began = time.monotonic()
    with openai.OpenAI(base_url=scripted[0], api_key="none", max_retries=1) as patient:
        assert chat(patient).choices[0].message.content == "Now."
    assert time.monotonic() - began >= 1


def test_a_failure_in_mid_stream_is_no_end(client, desk):
    desk.script = lambda _: [Spoken(index=0, text="All is "), RuntimeError("a secret path")]
    said = []
    with pytest.raises(openai.APIError) as caught:
        said += [each.choices[0].delta.content for each in chat(client, stream=True)]
    assert caught.value.code == "internal_error"
    assert "secret" not in str(caught.value.body)
    desk.script = lambda _: saying("And on.")
    assert chat(client).choices[0].message.content == "And on."


def test_silence_is_filled_with_comments(scripted, desk):
    desk.script = lambda _: [Spoken(index=0, text="a"), 0.3, *saying("b")]
    asked = {"messages": ASKED, "stream": True}
    text = httpx.post(f"{scripted[0]}/chat/completions", json=asked).text
    assert text.count(": still here") >= 2
    assert text.endswith("data: [DONE]\n\n")


def waited(done):
    until = time.monotonic() + 5
    while not done() and time.monotonic() < until:
        time.sleep(0.02)
    return done()


def test_who_goes_away_in_mid_stream_is_not_worked_for(client, desk):
    desk.script = lambda _: [Spoken(index=0, text="a"), 0.1, Spoken(index=0, text="b"), 30.0, *saying("c")]
    stream = chat(client, stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content == "b":
            break
    assert not desk.tickets[-1].cancelled
    stream.close()
    assert waited(lambda: desk.tickets[-1].cancelled)


def test_who_does_not_wait_for_the_whole_is_not_worked_for(scripted, desk):
    desk.script = lambda _: [Spoken(index=0, text="a"), 30.0, *saying("b")]

    async def work():
        async with openai.AsyncOpenAI(base_url=scripted[0], api_key="none", max_retries=0) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(chat(client), 0.3)

    asyncio.run(work())
    assert waited(lambda: desk.tickets[-1].cancelled)


def test_names_of_fields_without_effect_are_told(client):
    raw = client.chat.completions.with_raw_response.create(
        model="scripted",
        messages=ASKED,
        user="me",
        store=True,
        verbosity="low",
        extra_body={"plann": "x", "bad\r\nname": 1},
    )
    assert raw.headers["x-longspan-ignored"] == "plann, verbosity, ..."
    plain = client.chat.completions.with_raw_response.create(model="scripted", messages=ASKED, user="me")
    assert "x-longspan-ignored" not in plain.headers

"""Messages through the official client, answered by a script or by a small model."""

import asyncio
import base64
import time

import anthropic
import httpx2
import pytest
from keyed import MINE, OTHER, messages_client, responses_client
from scripted_desk import saying

from longspan.serving.events import Called, Done, Ended, Read, Spoken, Used
from longspan.spans import Document, Span, cite

ASKED = [{"role": "user", "content": "Who lit the lamp?"}]
LAMP = "The lamp was lit by Mara at nine in the evening. Joel slept."


def create(client, messages=ASKED, **fields):
    return client.messages.create(**{"model": "scripted", "messages": messages, "max_tokens": 64, **fields})


def plain(message):
    """Its blocks, without what the client adds when it streams."""
    return [{**each.to_dict(), "parsed_output": None} for each in message.content]


def test_a_message_and_its_stream_say_the_same(client, desk):
    whole = create(client)
    assert [each.text for each in whole.content] == ["All is well."]
    assert (whole.stop_reason, whole.stop_sequence, whole.role) == ("end_turn", None, "assistant")
    assert whole.usage.input_tokens == 7
    assert whole.usage.output_tokens == 3
    with client.messages.stream(model="scripted", messages=ASKED, max_tokens=64) as stream:
        kinds = [each.type for each in stream]
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    assert [each.generation["max_new_tokens"] for each in desk.asked] == [64, 64]


def test_events_come_in_the_order_of_the_protocol(client, desk):
    types = [each.type for each in create(client, stream=True)]
    assert types == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_clients_that_wait_for_many(scripted, desk):
    async def work():
        async with anthropic.AsyncAnthropic(
            base_url=scripted[0].removesuffix("/v1"), api_key=MINE, max_retries=0
        ) as client:
            whole = await create(client)
            async with client.messages.stream(model="scripted", messages=ASKED, max_tokens=9) as stream:
                return whole.content[0].text, await stream.get_final_text()

    assert asyncio.run(work()) == ("All is well.",) * 2


def test_what_was_read_before_is_counted_apart(client, desk):
    desk.script = lambda asked: [
        Read(processed=5, total=9, cached=4, seconds=0.1),
        Spoken(index=0, text="Mara."),
        Ended(index=0, why="length"),
        Done(used=Used(prompt_tokens=9, cached_tokens=4, generated_tokens=2, bytes_held=77)),
    ]
    for message in (create(client), next(iter(create(client, stream=True))).message):
        assert message.usage.input_tokens == 5
        assert message.usage.cache_read_input_tokens == 4
    assert create(client).stop_reason == "max_tokens"
    assert create(client).usage.longspan["bytes_held"] == 77


def test_a_stop_sequence_is_told(client, desk):
    desk.script = lambda asked: [
        Spoken(index=0, text="Mara"),
        Ended(index=0, why="stop", stop="."),
        Done(used=Used()),
    ]
    message = create(client, stop_sequences=["."])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", ".")
    assert desk.asked[-1].generation["stop"] == (".",)


TOOLS = [
    {
        "name": "look",
        "description": "Looks.",
        "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
    }
]


def calling(asked):
    return [
        Spoken(index=0, text="I look where it is.", reasoning=True),
        Spoken(index=0, text="Let me look."),
        Called(index=0, number=0, id="call_1", name="look"),
        Called(index=0, number=0, arguments='{"at": '),
        Called(index=0, number=0, arguments='"sea"}'),
        Called(index=0, number=1, id="call_2", name="look", arguments='{"at": "sky"}'),
        Ended(index=0, why="tool_calls"),
        Done(used=Used(prompt_tokens=3, generated_tokens=9)),
    ]


def test_tools_are_called_and_their_results_are_told(client, desk):
    desk.script = calling
    whole = create(client, tools=TOOLS, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [each.type for each in whole.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [each.input for each in whole.content[2:]] == [{"at": "sea"}, {"at": "sky"}]
    assert whole.stop_reason == "tool_use"
    with client.messages.stream(model="scripted", messages=ASKED, max_tokens=64, tools=TOOLS) as stream:
        assert plain(stream.get_final_message()) == plain(whole)
    results = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "Water."},
        {
            "type": "tool_result",
            "tool_use_id": "call_2",
            "is_error": True,
            "content": [{"type": "text", "text": "Clouds."}],
        },
        {"type": "text", "text": "And now?"},
    ]
    create(
        client,
        [*ASKED, {"role": "assistant", "content": whole.content}, {"role": "user", "content": results}],
        tools=TOOLS,
    )
    _, called, first, second, asked = desk.asked[-1].turns
    assert (called.text, called.reasoning) == ("Let me look.", "I look where it is.")
    assert [(each.id, each.name) for each in called.calls] == [("call_1", "look"), ("call_2", "look")]
    assert (first.role, first.answers, first.text) == ("tool", "call_1", "Water.")
    assert second.text == "The call failed: Clouds."
    assert (asked.role, asked.text) == ("user", "And now?")
    assert desk.asked[0].variables == {"enable_thinking": True}


@pytest.mark.parametrize(
    ("given", "choice", "parallel"),
    [
        ({"type": "auto"}, "auto", True),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "tool", "name": "look"}, "=look", True),
        ({"type": "none"}, "none", True),
    ],
)
def test_which_tool_is_called(client, desk, given, choice, parallel):
    create(client, tools=TOOLS, tool_choice=given)
    asked = desk.asked[-1]
    assert (asked.choice, asked.parallel) == (choice, parallel)
    assert asked.functions[0].parameters == TOOLS[0]["input_schema"]


def test_who_speaks_twice_is_one_turn_and_what_the_assistant_began_is_gone_on_with(client, desk):
    messages = [
        {"role": "user", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": "Two."}]},
        {"role": "assistant", "content": "Three is"},
    ]
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    drawing = {"temperature": 0.5, "top_k": 4, "top_p": 0.9}
    create(client, messages, system=system, metadata={"user_id": "u"}, extra_body=drawing)
    asked = desk.asked[-1]
    assert [(each.role, each.text) for each in asked.turns] == [
        ("system", "Be brief."),
        ("user", "One.\n\nTwo."),
        ("assistant", "Three is"),
    ]
    assert asked.prefill
    drawn = asked.generation
    assert (drawn["temperature"], drawn["top_k"], drawn["top_p"]) == (0.5, 4, 0.9)


def document(source, **more):
    return {"type": "document", "source": source, **more}


SOURCES = [
    {"type": "text", "media_type": "text/plain", "data": LAMP},
    {"type": "base64", "media_type": "text/plain", "data": base64.b64encode(LAMP.encode()).decode()},
    {"type": "content", "content": LAMP},
]


@pytest.mark.parametrize("source", SOURCES)
def test_quotes_point_into_the_text_of_the_document(client, desk, source):
    desk.script = quoting
    content = [
        document({"type": "text", "media_type": "text/plain", "data": "Nothing of it."}),
        document(source, title="log", context="kept by hand", citations={"enabled": True}),
        {"type": "text", "text": "Who lit the lamp?"},
    ]
    whole = create(client, [{"role": "user", "content": content}])
    (cited,) = whole.content[0].citations
    assert cited.type == "char_location"
    assert (cited.document_index, cited.document_title) == (1, "log")
    assert LAMP[cited.start_char_index : cited.end_char_index] == cited.cited_text
    with client.messages.stream(
        model="scripted", messages=[{"role": "user", "content": content}], max_tokens=64
    ) as stream:
        kinds = [each.type for each in stream]
        assert plain(stream.get_final_message()) == plain(whole)
    assert kinds.index("citation") < kinds.index("content_block_stop")
    asked = desk.asked[-1]
    assert asked.cite
    assert [each.text for each in asked.turns[0].documents] == ["Nothing of it.", LAMP]
    assert asked.turns[0].text == "About log: kept by hand\n\nWho lit the lamp?"


def quoting(asked):
    read = [Span(each, 0, len(each.text)) for turn in asked.turns for each in turn.documents]
    text = "It says “The lamp was lit by Mara at nine in the evening.”"
    return [
        Spoken(index=0, text=text),
        Ended(index=0, why="stop", citations=cite(text, "Who lit the lamp?", read, limit=0)),
        Done(used=Used()),
    ]


def test_quotes_of_blocks_are_told_by_block_and_only_where_they_are_wanted(client, desk):
    desk.script = quoting
    blocks = {
        "type": "content",
        "content": [{"type": "text", "text": each} for each in ("Sea.", LAMP, "Sky.")],
    }
    for wanted in (True, False):
        content = [document(blocks, citations={"enabled": wanted}), {"type": "text", "text": "Who?"}]
        cited = create(client, [{"role": "user", "content": content}]).content[0].citations
        assert desk.asked[-1].cite is wanted
        if wanted:
            assert (cited[0].type, cited[0].start_block_index, cited[0].end_block_index) == (
                "content_block_location",
                1,
                2,
            )
        else:
            assert cited is None


def test_a_file_that_was_left_is_a_document(scripted, client, desk):
    desk.script = quoting
    with responses_client(scripted[0]) as leaving, messages_client(scripted[0], OTHER) as other:
        name = leaving.files.create(file=("log.txt", LAMP.encode()), purpose="user_data").id
        source = {"type": "file", "file_id": name}
        content = [document(source, citations={"enabled": True}), {"type": "text", "text": "Who?"}]
        (cited,) = create(client, [{"role": "user", "content": content}]).content[0].citations
        assert (cited.file_id, cited.document_title) == (name, "log.txt")
        assert LAMP[cited.start_char_index : cited.end_char_index] == cited.cited_text
        item = {"role": "user", "content": [{"type": "input_file", "file_id": name}]}
        leaving.responses.create(model="scripted", input=[item])
        assert [each.text for each in desk.asked[-1].turns[0].documents] == [LAMP]
        item = {"role": "user", "content": [{"type": "file", "file": {"file_id": name}}]}
        leaving.chat.completions.create(model="scripted", messages=[item])
        (shown,) = desk.asked[-1].turns[0].documents
        assert (shown.name, shown.text) == ("log.txt", LAMP)
        with pytest.raises(anthropic.NotFoundError, match="no file"):
            create(other, [{"role": "user", "content": content}])


def test_tokens_are_counted(client, desk):
    counted = client.messages.count_tokens(model="scripted", messages=ASKED, system="Be brief.", tools=TOOLS)
    assert counted.input_tokens == 6
    assert desk.asked == []


def who(client, desk):
    """The owner as whom a client asks."""
    create(client)
    return desk.asked[-1].owner


def test_extras_reach_the_desk(client, desk):
    kept = desk._keep(who(client, desk), [Document("log", LAMP)], "", 12, None)
    more = {"plan": "sink", "flow": "map", "context": kept.id, "cite": True, "seconds": 5}
    create(client, extra_body={"longspan": more})
    asked = desk.asked[-1]
    assert (asked.plan, asked.flow, asked.context) == ("sink", "map", kept.id)
    assert (asked.cite, asked.seconds) == (True, 5)
    with pytest.raises(anthropic.BadRequestError, match=r"longspan\.plans is not known"):
        create(client, extra_body={"longspan": {"plans": "sink"}})


def test_reading_is_told_where_that_is_asked_for(client, desk):
    asked = {"model": "scripted", "messages": ASKED, "max_tokens": 9}
    with client.messages.stream(**asked, extra_body={"return_progress": True}) as stream:
        told = [each for each in stream if each.type == "prompt_progress"]
        assert stream.get_final_text() == "All is well."
    assert (told[0].total, told[0].processed, told[0].cache) == (7, 7, 0)


def test_silence_is_filled_with_pings(scripted, desk):
    desk.script = lambda asked: [saying("Well.")[0], 0.2, *saying("Well.")[1:]]
    body = {"model": "scripted", "messages": ASKED, "max_tokens": 9, "stream": True}
    answer = httpx2.post(f"{scripted[0]}/messages", json=body, headers={"x-api-key": MINE})
    assert 'event: ping\ndata: {"type":"ping"}\n' in answer.text
    assert answer.text.rstrip().endswith('data: {"type":"message_stop"}')


def test_fields_without_effect_are_told_in_a_header(client, desk):
    answer = client.messages.with_raw_response.create(
        model="scripted",
        max_tokens=2000,
        messages=ASKED,
        thinking={"type": "enabled", "budget_tokens": 1024},
        extra_body={"modle": 1},
        extra_headers={"anthropic-beta": "anything-2031-01-01", "anthropic-version": "2026-10-21"},
    )
    assert answer.headers["x-longspan-ignored"] == "modle, thinking.budget_tokens"


def test_both_headers_carry_the_key(scripted, client, desk):
    with messages_client(scripted[0], OTHER) as other:
        create(other)
    create(client)
    body = {"model": "scripted", "messages": ASKED, "max_tokens": 9}
    httpx2.post(f"{scripted[0]}/messages", json=body, headers={"x-api-key": MINE}).raise_for_status()
    theirs, bearer, older = (each.owner for each in desk.asked)
    assert theirs != bearer == older
    with messages_client(scripted[0], "unknown") as nobody, pytest.raises(anthropic.AuthenticationError):
        create(nobody)


def test_who_goes_away_is_not_worked_for(client, desk):
    desk.script = lambda asked: [*saying("Well.")[:2], *[0.05, Spoken(index=0, text="x")] * 200]
    with create(client, stream=True) as events:
        next(iter(events))
    with pytest.raises(anthropic.APITimeoutError):
        create(client, timeout=0.2)
    until = time.monotonic() + 5
    while not all(each.cancelled for each in desk.tickets) and time.monotonic() < until:
        time.sleep(0.02)
    assert [each.cancelled for each in desk.tickets] == [True, True]


def test_a_real_model_answers_counts_and_stops_at_its_window(small):
    asked = {"model": "small", "messages": ASKED, "max_tokens": 6}
    whole = small.messages.create(**asked)
    with small.messages.stream(**asked) as stream:
        assert stream.get_final_text() == whole.content[0].text
    assert whole.stop_reason == "max_tokens"
    counted = small.messages.count_tokens(model="small", messages=ASKED).input_tokens
    assert counted == whole.usage.input_tokens + whole.usage.cache_read_input_tokens
    assert small.messages.create(**asked).usage.cache_read_input_tokens > 0
    long = [{"role": "user", "content": "lamp " * 440}]
    tokens = small.messages.count_tokens(model="small", messages=long).input_tokens
    cut = small.messages.create(model="small", messages=long, max_tokens=8000)
    assert cut.stop_reason in ("model_context_window_exceeded", "end_turn")
    assert cut.usage.output_tokens <= 1024 - tokens
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > 1024 maximum; "):
        small.messages.create(
            model="small", messages=[{"role": "user", "content": "lamp " * 2000}], max_tokens=9
        )

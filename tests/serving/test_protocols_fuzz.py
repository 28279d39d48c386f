"""Whatever is sent as a message or a response is understood or refused, and what is told of it can be sent."""

import asyncio
import copy
import json

import pytest
from fuzzed import VALUES, places, put
from hypothesis import example, given
from hypothesis import strategies as st

from longspan.serving.anthropic.asking import unheeded, wanted_of
from longspan.serving.anthropic.wording import worded
from longspan.serving.openai import wording
from longspan.serving.refused import Refused
from longspan.serving.responses import asking
from longspan.serving.responses.items import placed, said_of
from longspan.serving.sealed import Compaction, Seal
from longspan.serving.web.bodies import parsed

SEAL = Seal(bytes(32))
SEALED = SEAL.sealed("", Compaction(context="ctx", text="a"))
SOURCE = {"type": "content", "content": [{"type": "text", "text": "a"}]}
MESSAGES = {
    "system": [{"type": "text", "text": "a"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {
            "role": "assistant",
            "content": [{"type": "compaction", "encrypted_content": SEALED, "content": "a"}],
        },
        {
            "role": "user",
            "content": [
                {"type": "document", "source": SOURCE, "title": "t", "citations": {"enabled": True}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "text/plain", "data": "YQ=="},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "a", "signature": "b"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": "a"}],
        },
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 9},
    "context_management": {"edits": [{"type": "compact_20260112", "trigger": {"value": 9}}]},
    "output_config": {"effort": "low"},
    "stop_sequences": ["a"],
    "max_tokens": 9,
    **dict.fromkeys(["temperature", "top_p", "top_k", "longspan", "model", "compaction", "metadata"]),
}
RESPONSES = {
    "input": [
        {"type": "compaction", "encrypted_content": SEALED},
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "content": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "a"}]},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "context_management": [{"type": "compaction", "compact_threshold": 9}],
    "reasoning": {"effort": "low"},
    "text": {"format": {"type": "text"}},
    "include": ["a"],
    **dict.fromkeys(["instructions", "truncation", "max_output_tokens", "store", "metadata", "top_logprobs"]),
}


async def message(fields):
    unheeded(fields)
    await wanted_of(fields, "", SEAL)


async def response(fields):
    wanted = await asking.wanted_of(fields, "", SEAL, [], 100)
    json.dumps([dict(wanted.echo), list(wanted.items)])
    said_of(placed(fields), "", SEAL)


KINDS = {"messages": (MESSAGES, message, worded), "responses": (RESPONSES, response, wording.worded)}


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_sent_is_understood_or_refused(kind):
    whole, read, words = KINDS[kind]
    asyncio.run(read(copy.deepcopy(whole)))
    found = [each for each in places(whole) if each]

    @given(changes=st.lists(st.tuples(st.sampled_from(found), VALUES), min_size=1, max_size=3))
    @example(changes=[(("tools", 0, "name"), "\udfff")])
    @example(changes=[(("tool_choice", "name"), "\udfff")])
    def tried(changes):
        fields = copy.deepcopy(whole)
        for path, new in changes:
            try:
                put(fields, path, new)
            except (KeyError, IndexError, TypeError):
                continue
        try:
            asyncio.run(read(parsed(json.dumps(fields).encode())))
        except Refused as error:
            status, told = words(error, "req_1")
            json.dumps(told, ensure_ascii=False).encode()
            assert 400 <= status < 500

    tried()

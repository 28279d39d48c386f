"""Whatever a client sends, it is understood or refused: nothing else is raised, and what is told can be sent."""

import copy
import json

from fuzzed import VALUES, places, put
from hypothesis import example, given
from hypothesis import strategies as st

from longspan.serving.openai import chatting, completing
from longspan.serving.openai.embedding import to_embed
from longspan.serving.openai.extras import extras
from longspan.serving.openai.fields import ignored
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import parsed

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WHOLE = {
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "a"}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "YQ==", "filename": "a"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "b"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "longspan": {"documents": [{"name": "a", "text": "b"}], "seconds": 1},
    "logit_bias": {"1": 2},
    "stop": ["a"],
    "prompt": ["a", [1, 2]],
    "input": ["a"],
    **dict.fromkeys(["temperature", "n", "seed", "top_p", "max_tokens", "top_k", "model", "stream_options"]),
}


PLACES = [each for each in places(WHOLE) if each]


@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
@example(changes=[(("temperature",), 10**400)])
@example(changes=[(("longspan", "seconds"), -(10**400))])
@example(changes=[(("messages", 1, "content"), "\ud800")])
@example(changes=[(("model",), "\ud800")])
@example(changes=[(("tools", 0, "function", "name"), "\udfff")])
def test_all_is_understood_or_refused(changes):
    fields = copy.deepcopy(WHOLE)
    for path, new in changes:
        try:
            put(fields, path, new)
        except (KeyError, IndexError, TypeError):
            continue
    for read in (chat, completion, embedding):
        try:
            read(parsed(json.dumps(fields).encode()))
        except Refused as error:
            status, told = worded(error, "req_1")
            told_in_full(status, told)


def told_in_full(status, told):
    assert status == 400
    assert json.dumps(told, ensure_ascii=False).encode()


def chat(fields):
    asked = chatting.chat_of(fields, "me", extras(fields), None)
    "".join(each.text for each in asked.turns).encode()
    ignored(fields, chatting.KNOWN)["x-longspan-ignored"].encode("ascii")


def completion(fields):
    assert completing.completions_of(fields, "me", extras(fields | {"longspan": None}))


def embedding(fields):
    assert to_embed(fields).texts

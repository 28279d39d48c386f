"""What a request for a chat asks, and what it may not ask."""

import base64

import pytest

from longspan.serving.openai.chatting import chat_of
from longspan.serving.openai.extras import extras
from longspan.serving.openai.fields import ignored
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused

USER = {"role": "user", "content": "Who?"}


def asked(**fields):
    fields = {"messages": [USER], **fields}
    return chat_of(fields, "me", extras(fields), None)


def refused(**fields):
    with pytest.raises(Refused) as caught:
        asked(**fields)
    return caught.value


def data(text, kind="text/plain"):
    return (
        f"data:{kind};base64,{base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"
    )


def part(**file):
    return [{"role": "user", "content": [{"type": "text", "text": "Who?"}, {"type": "file", "file": file}]}]


def test_nothing_but_messages_is_needed():
    plain = asked()
    assert plain.owner == "me"
    assert (plain.count, plain.choice, plain.parallel, plain.cite, plain.prefill) == (
        1,
        "auto",
        True,
        True,
        False,
    )
    assert plain.generation["temperature"] == 0
    assert "max_new_tokens" not in plain.generation
    assert "logprobs" not in plain.generation


def test_null_is_as_if_it_were_missing():
    names = (
        "temperature",
        "top_p",
        "n",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "logit_bias",
        "max_tokens",
        "longspan",
    )
    assert asked(**dict.fromkeys(names)) == asked()


def test_how_an_answer_is_drawn():
    drawn = asked(
        temperature=1,
        top_p=0.5,
        top_k=40,
        min_p=0.1,
        seed=5,
        stop="end",
        presence_penalty=0.5,
        frequency_penalty=-1,
        repetition_penalty=1.1,
        logit_bias={"42": -100},
        max_tokens=9,
        max_completion_tokens=7,
        logprobs=True,
        top_logprobs=2,
    ).generation
    assert drawn == {
        "temperature": 1.0,
        "top_p": 0.5,
        "top_k": 40,
        "min_p": 0.1,
        "seed": 5,
        "stop": ("end",),
        "presence_penalty": 0.5,
        "frequency_penalty": -1.0,
        "repetition_penalty": 1.1,
        "min_tokens": 0,
        "logit_bias": {42: -100.0},
        "max_new_tokens": 7,
        "logprobs": 2,
    }


def test_several_answers_are_drawn_by_chance_unless_said_otherwise():
    assert asked(n=2).generation["temperature"] == 1
    assert asked(top_p=0.9).generation["temperature"] == 1
    assert asked(top_p=1).generation["temperature"] == 0
    assert asked(n=2, temperature=0).generation["temperature"] == 0
    assert asked(top_p=0).generation["top_k"] == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Who?"}, "messages"),
        ({"messages": ["Who?"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "tool", "content": "a"}]}, "messages[1].tool_call_id"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"n": True}, "n"),
        ({"seed": 2**64}, "seed"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ["a" * 129]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1"),
        ({"logit_bias": {str(number): 1 for number in range(1001)}}, "logit_bias"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"functions": [{"name": "a"}]}, "functions"),
        ({"web_search_options": {"user_location": {}}}, "web_search_options"),
        ({"chat_template": "{{ 1 }}"}, "chat_template"),
        ({"chat_template_kwargs": {"messages": "a"}}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"return_tensors": "pt"}}, "chat_template_kwargs.return_tensors"),
        ({"chat_template_kwargs": {"a": [1]}}, "chat_template_kwargs.a"),
        ({"chat_template_kwargs": {"a": "b" * 1001}}, "chat_template_kwargs.a"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a"}}] * 2}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "a"}}}, "tool_choice.function.name"),
        ({"longspan": {"plann": "x"}}, "longspan.plann"),
        ({"longspan": {"seconds": -1}}, "longspan.seconds"),
        ({"longspan": {"documents": [{"name": "a"}]}}, "longspan.documents[0].text"),
        ({"longspan": {"documents": [{"path": "/etc/passwd", "text": "a"}]}}, "longspan.documents[0].path"),
        ({"longspan": "snapkv"}, "longspan"),
    ],
)
def test_what_may_not_be_is_refused_by_its_name(fields, param):
    found = refused(**fields)
    assert found.param == param
    status, body = worded(found, "req_1")
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"]


def test_a_text_in_base64_is_a_document():
    (turn,) = asked(messages=part(filename="log\u202e\n.txt", file_data=data("Mara lit it.\r\n"))).turns
    assert turn.text == "Who?"
    assert [(each.name, each.text) for each in turn.documents] == [("log .txt", "Mara lit it.\n")]
    bare = base64.b64encode(b"Mara").decode()
    assert asked(messages=part(file_data=bare)).turns[0].documents[0].name == "document 2"


@pytest.mark.parametrize(
    "file",
    [
        {"file_data": data(b"%PDF-1.7", "application/pdf")},
        {"file_data": data(b"\xff\xfe\x00")},
        {"file_data": "data:text/plain,Mara"},
        {"file_data": "data:text/plain;base64,*"},
        {"file_data": data(" ")},
        {"file_data": "http://127.0.0.1/secret"},
        {"file_id": "file-1"},
        {"file_url": "http://127.0.0.1/secret"},
        {},
    ],
)
def test_no_other_file_is_read_and_no_address_opened(file):
    assert refused(messages=part(**file)).param.startswith("messages[0].content[1].file.file_")


@pytest.mark.parametrize(
    "content",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    ],
)
def test_what_is_no_text_is_refused(content):
    found = refused(messages=[{"role": "user", "content": [content]}])
    assert found.code == "unsupported_content"
    assert content["type"] in found.message


def test_documents_come_before_what_the_user_says_first():
    turns = asked(
        messages=[
            {"role": "system", "content": "Be brief."},
            USER,
            {"role": "assistant", "content": "Mara."},
            USER,
        ],
        longspan={"documents": [{"text": "The log."}]},
    ).turns
    assert [len(each.documents) for each in turns] == [0, 1, 0, 0]
    assert (
        refused(messages=[{"role": "system", "content": "a"}], longspan={"documents": [{"text": "a"}]}).param
        == "messages"
    )


def test_the_assistant_may_be_gone_on_with():
    messages = [USER, {"role": "assistant", "content": "It was"}]
    assert asked(messages=messages, continue_final_message=True, add_generation_prompt=False).prefill
    assert not asked(messages=messages).prefill


def test_templates_are_told_how_much_to_think():
    told = asked(reasoning_effort="high", chat_template_kwargs={"enable_thinking": False, "style": "dry"})
    assert told.variables == {"reasoning_effort": "high", "enable_thinking": False, "style": "dry"}


def test_what_has_no_effect_is_told_within_bounds():
    fields = {"messages": [], "user": "a", "planned": 1, "x\r\ny": 2} | {f"a{n:02}": 1 for n in range(30)}
    (told,) = ignored(fields, {"messages"}).values()
    assert told.startswith("a00, a01, ")
    assert told.endswith(", a15, ...")
    assert "\n" not in told

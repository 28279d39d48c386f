"""Events of a request with what is thought, called and said told apart, under the templates of several models."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.serving.asked import Asked, Function, FunctionCall, Turn
from longspan.serving.calling.calling import Calling
from longspan.serving.calling.thoughts import Thoughts
from longspan.serving.events import Called, Done, Ended, Read, Spoken, Used
from longspan.serving.prompts import prompted
from longspan.spans import split_reasoning
from longspan.spans.logprobs import Logprob, Logprobs

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
FUNCTION = Function(name="f", about="Does it.", parameters={"type": "object", "properties": {"a": {}}})


@pytest.fixture(scope="module")
def tokenizer(default_weights):
    return default_weights.tokenizer


def likely(text):
    return Logprobs(own=Logprob(token=1, data=text.encode(), value=-1.0), likeliest=())


def told(tokenizer, *texts, reasoning="none", why="stop", logprobs=False, **asked):
    """The events that come of texts, one token each."""
    request = Asked(
        **{"owner": "a", "functions": (FUNCTION,), "turns": (Turn(role="user", text="Hi"),)} | asked
    )
    calling = Calling.of(tokenizer, request)

    async def said():
        yield Read(processed=1, total=1, cached=0, seconds=0.0)
        for text in texts:
            index, text = text if isinstance(text, tuple) else (0, text)
            yield Spoken(index=index, text=text, tokens=1, logprobs=(likely(text),) if logprobs else ())
        for index in sorted({0} | {each[0] for each in texts if isinstance(each, tuple)}):
            yield Ended(index=index, why=why, stop="x" if why == "stop" else None)
        yield Done(used=Used(generated_tokens=len(texts)))

    async def run():
        return [event async for event in calling.events(said(), reasoning, {})]

    return asyncio.run(run())


def test_calls_are_events_with_names_of_their_own(tokenizer):
    events = told(tokenizer, "Well.\n", CALL[:20], CALL[20:] + "\n" + CALL)
    spoken, first, given_first, second, given_second, ended, _ = events[1:]
    assert spoken == Spoken(index=0, text="Well.")
    assert (first.number, first.name, second.number, second.name) == (0, "f", 1, "f")
    assert first.id != second.id
    assert given_first == Called(index=0, number=0, arguments='{"a": 1}')
    assert given_second == Called(index=0, number=1, arguments='{"a": 1}')
    assert ended == Ended(index=0, why="tool_calls", stop="x")


def test_answers_are_told_apart(tokenizer):
    half = len(CALL) // 2
    events = told(tokenizer, (0, CALL[:half]), (1, "No"), (0, CALL[half:]), (1, " call."))
    assert [each.index for each in events if isinstance(each, Called)] == [0, 0]
    assert "".join(each.text for each in events if isinstance(each, Spoken)) == "No call."
    assert {each.index: each.why for each in events if isinstance(each, Ended)} == {
        0: "tool_calls",
        1: "stop",
    }


def test_a_call_without_functions_and_one_in_a_plain_prompt_are_text(tokenizer):
    for asked in ({"functions": ()}, {"choice": "none"}, {"prompt": "Hi", "turns": ()}):
        events = told(tokenizer, CALL, **asked)
        assert [each.text for each in events if isinstance(each, Spoken)] == [CALL]
        assert events[-2].why == "stop"


def test_what_ended_at_its_length_says_so(tokenizer):
    assert told(tokenizer, CALL, why="length")[-2].why == "length"
    assert told(tokenizer, CALL, "more", why="length", parallel=False)[-2].why == "tool_calls"


def test_where_one_call_is_wanted_nothing_follows(tokenizer):
    events = told(tokenizer, CALL, " And", CALL, parallel=False, logprobs=True)
    assert [type(each) for each in events[1:]] == [Called, Called, Ended, Done]


def test_what_is_thought_is_told_apart_and_counted(tokenizer):
    events = told(tokenizer, "<th", "ink>", " Hm", ".\n", "</think>", "\n\n", "Yes", CALL, reasoning="may")
    assert events[1:3] == [
        Spoken(index=0, text="Hm", reasoning=True),
        Spoken(index=0, text=".", reasoning=True),
    ]
    assert [each.text for each in events if isinstance(each, Spoken) and not each.reasoning] == ["Yes"]
    assert sum(isinstance(each, Called) for each in events) == 2
    assert events[-1].used == Used(generated_tokens=8, reasoning_tokens=5)


def test_calls_that_are_only_thought_of_are_none(tokenizer):
    events = told(tokenizer, "I could ", CALL, " but no.</think>No.", reasoning="begun")
    thought = "".join(each.text for each in events if isinstance(each, Spoken) and each.reasoning)
    assert thought == f"I could {CALL} but no."
    assert not any(isinstance(each, Called) for each in events)
    assert events[-1].used.reasoning_tokens == 3


PARTS = ["<think>", "</think>", "<thi", "nk>", "</", "\n", " ", "\r", "a", "Hm.", "🙂"]


@given(
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
    st.sampled_from(["none", "may", "begun"]),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_what_is_thought_is_what_is_split_of_the_whole(text, reasoning, cuts):
    thoughts, places = Thoughts(reasoning), [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    found = [each for start, stop in pairwise(places) for each in thoughts.push(text[start:stop])]
    found += thoughts.end()
    split = (
        ("", text) if reasoning == "none" else split_reasoning(text, begun=reasoning == "begun", exact=True)
    )
    assert "".join(each for each, thought in found if thought) == split[0]
    assert "".join(each for each, thought in found if not thought) == split[1]


def test_likelihoods_stay_with_text_and_go_with_calls(tokenizer):
    texts = ["One", " two", " <tool_", "x", " three \n", CALL, ""]
    events = told(tokenizer, *texts, logprobs=True)
    data = [
        each.own.data.decode() for event in events if isinstance(event, Spoken) for each in event.logprobs
    ]
    assert data == texts[:5]
    plain = told(tokenizer, "One", " two ", "", logprobs=True)
    assert sum(len(each.logprobs) for each in plain if isinstance(each, Spoken)) == 3


DIALOGUE = (
    Turn(role="system", text="Be brief."),
    Turn(role="user", text="Do it twice."),
    Turn(
        role="assistant",
        text="Now.",
        calls=(
            FunctionCall(id="call_1", name="f", arguments='{"a": 1}'),
            FunctionCall(id="call_2", name="f", arguments='{"a": 2}'),
        ),
    ),
    Turn(role="tool", text="one", answers="call_1"),
    Turn(role="tool", text="two", answers="call_2"),
    Turn(role="user", text="Thanks."),
)


def rendered(tokenizer, turns=DIALOGUE, **asked):
    request = Asked(owner="a", turns=turns, functions=(FUNCTION,), **asked)
    return tokenizer.decode(prompted(tokenizer, Calling.of(tokenizer, request).told(request)).ids)


def test_a_template_that_knows_of_no_functions_is_told_in_text(tokenizer):
    text = rendered(tokenizer)
    system, user, assistant, answered, thanks, _ = text.split("<|im_start|>")[1:]
    assert system.startswith("system\nBe brief.\n\n# Tools")
    assert '{"type": "function", "function": {"name": "f", "description": "Does it."' in system
    assert user == "user\nDo it twice.<|im_end|>\n"
    assert assistant.startswith(
        'assistant\nNow.\n<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n<tool'
    )
    assert answered.startswith("user\n<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n")
    assert thanks == "user\nThanks.<|im_end|>\n"
    silent = rendered(tokenizer, choice="none")
    assert "# Tools" not in silent
    assert "</tool_response>" in silent
    assert rendered(tokenizer, turns=DIALOGUE[1:2]).startswith("<|im_start|>system\n# Tools")


def test_what_a_model_says_is_what_its_template_shows(tokenizer):
    told_again = rendered(tokenizer).split("Now.\n")[1].split("<|im_end|>")[0]
    calls = [each for each in told(tokenizer, told_again) if isinstance(each, Called) and each.arguments]
    assert [each.arguments for each in calls] == ['{"a": 1}', '{"a": 2}']


MISTRAL = (
    "{% for m in messages %}{% if m.tool_calls %}[TOOL_CALLS]{% for c in m.tool_calls %}"
    "{% if c.id | length != 9 %}{{ raise_exception('ids have 9 letters') }}{% endif %}{{ c.id }}{% endfor %}{% endif %}"
    "{{ m.role }}:{{ m.content }}{{ m.tool_call_id }}\n{% endfor %}{{ tools }}"
)
LLAMA = (
    '{% if tools %}{"name": name, "parameters": {}}{% endif %}{% for m in messages %}{% if m.tool_calls %}'
    "{% if m.tool_calls | length != 1 %}{{ raise_exception('This model only supports single tool-calls at once!') }}"
    "{% endif %}{{ m.tool_calls[0].function.arguments.a }}{% endif %}<{{ m.role }}>{{ m.content }}\n{% endfor %}ipython"
)


def test_names_of_calls_are_such_as_a_template_takes(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", MISTRAL)
    text = rendered(tokenizer)
    called = text.split("[TOOL_CALLS]")[1].split("assistant:")[0]
    assert f"tool:one{called[:9]}\n" in text
    assert f"tool:two{called[9:18]}\n" in text


def test_a_template_that_takes_one_call_in_a_turn_gets_one(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", LLAMA)
    said = "1<assistant>Now.\n<tool>one\n2<assistant>\n<tool>two\n<user>Thanks.\n"
    assert said in rendered(tokenizer)


def test_control_tokens_of_calls_are_shown(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", MISTRAL)
    asked = Asked(owner="a", turns=DIALOGUE, functions=(FUNCTION,))
    assert "[TOOL_CALLS]" in Calling.of(tokenizer, asked).drawn({})["shown"]
    without = Asked(owner="a", turns=DIALOGUE, functions=(FUNCTION,), choice="none")
    assert Calling.of(tokenizer, without).drawn({})["shown"] == ("<think>", "</think>")
    plain = Asked(owner="a", prompt="Hi")
    assert Calling.of(tokenizer, plain).drawn({}) == {}

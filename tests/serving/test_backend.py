"""A desk over an engine elsewhere: what is asked of it, and what comes through."""

import asyncio

import pytest
from backing import LOG, answered, heard, question, said, the, with_desk
from loopback import served
from scripted_engines import ScriptedEngine, words

import longspan
from longspan.forms.form import Form
from longspan.serving.admission import Limits
from longspan.serving.asked import Asked, Function, FunctionCall, Turn
from longspan.serving.backend import BackendDesk
from longspan.serving.backend.engine import estimated, opened
from longspan.serving.events import Called, Ended, Read, Spoken
from longspan.serving.local import LocalDesk
from longspan.serving.refused import Overlong, Refused
from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings


def test_an_answer_comes_through_with_what_it_took_and_its_quotes_are_checked_here():
    turn = Turn(role="user", text="Who lit it?", documents=(LOG,))
    engine, events = answered(
        lambda body: words('It says "Keeper Ada lit the lamp at dusk"'),
        question(
            turns=[Turn(role="system", text="Be brief."), turn], generation={"max_new_tokens": 20, "seed": 3}
        ),
    )
    (body,) = engine.bodies
    assert [each["role"] for each in body["messages"]] == ["system", "user"]
    assert LOG.text in body["messages"][1]["content"]
    assert (body["max_tokens"], body["seed"], body["temperature"], body["stream"]) == (20, 3, 0.0, True)
    assert "return_progress" not in body
    assert len([each for each in events if isinstance(each, Spoken)]) == 9
    (citation,) = the(Ended, events).citations
    assert citation.verified
    assert citation.document == "log.txt"
    used = events[-1].used
    assert (used.prompt_tokens, used.cached_tokens, used.generated_tokens) == (9, 5, 3)


def test_reasoning_calls_and_likelihoods_come_through():
    def script(body):
        yield {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}
        likely = {
            "token": "A",
            "logprob": -0.5,
            "bytes": [65],
            "top_logprobs": [{"token": "B", "logprob": -1.0}],
        }
        yield {"choices": [{"index": 0, "delta": {"content": "A"}, "logprobs": {"content": [likely]}}]}
        call = {"index": 0, "id": "c1", "function": {"name": "light", "arguments": '{"lamp'}}
        yield {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        more = {"index": 0, "function": {"arguments": '": 1}'}}
        yield {"choices": [{"index": 0, "delta": {"tool_calls": [more]}, "finish_reason": "tool_calls"}]}
        yield "[DONE]"

    asked = question(
        functions=[Function(name="light", parameters={"type": "object"})],
        choice="=light",
        generation={"logprobs": 1},
        turns=[
            Turn(role="user", text="x"),
            Turn(role="assistant", calls=(FunctionCall(id="c0", name="light", arguments="{}"),)),
            Turn(role="tool", text="lit", answers="c0"),
        ],
    )
    engine, events = answered(script, asked)
    body = engine.bodies[0]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "light"}}
    assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == "c0"
    assert [each.text for each in events if isinstance(each, Spoken) and each.reasoning] == ["hm"]
    likely = next(each.logprobs for each in events if isinstance(each, Spoken) and each.logprobs)[0]
    assert (likely.own.text, likely.own.value, likely.likeliest[0].text) == ("A", -0.5, "B")
    assert "".join(each.arguments for each in events if isinstance(each, Called)) == '{"lamp": 1}'
    assert the(Ended, events).why == "tool_calls"
    assert "estimated" in events[-1].notes[0]


def test_a_schema_is_passed_on():
    schema = {"type": "object", "properties": {"lamp": {"type": "integer"}}, "required": ["lamp"]}
    asked = question(generation={"form": Form.json_schema(schema)})
    engine, _ = answered(lambda body: words("{}"), asked)
    assert engine.bodies[0]["response_format"]["json_schema"]["schema"] == schema


def test_what_is_beyond_the_protocol_is_asked_by_the_names_that_an_engine_has():
    asked = question(generation={"repetition_penalty": 1.2, "top_k": 5}, variables={"enable_thinking": False})
    llama = {"default_generation_settings": {"n_ctx": 2048}}

    def script(body):
        yield {"choices": [], "prompt_progress": {"total": 10, "processed": 6, "cache": 2, "time_ms": 500}}
        yield from words("fine")

    engine, events = answered(script, asked, about={}, props=llama)
    assert engine.bodies[0]["repeat_penalty"] == 1.2
    assert engine.bodies[0]["chat_template_kwargs"] == {"enable_thinking": False}
    read = the(Read, events)
    assert (read.processed, read.total, read.cached, read.seconds) == (6, 10, 2, 0.5)
    engine, _ = answered(lambda body: words("x"), asked, about={"owned_by": "vllm", "max_model_len": 99})
    assert engine.bodies[0]["repetition_penalty"] == 1.2
    assert engine.bodies[0]["cache_salt"] == "a"
    with pytest.raises(Refused) as refused:
        answered(lambda body: words("x"), asked)
    assert refused.value.param in ("repetition_penalty", "top_k")


@pytest.mark.parametrize(
    ("engine", "told", "kind", "window"),
    [
        ({}, {}, "other", 4096),
        ({"about": {"owned_by": "vllm", "max_model_len": 99}}, {}, "vllm", 99),
        ({"about": {}, "props": {"default_generation_settings": {"n_ctx": 512}}}, {}, "llama.cpp", 512),
        ({"about": {}}, {"window": 77}, "other", 77),
    ],
)
def test_the_window_is_asked_for_and_never_guessed(engine, told, kind, window):
    async def work(desk):
        return desk.offers[0], desk._engine

    offer, found = with_desk(ScriptedEngine(lambda body: [], **engine), work, **told)
    assert (offer.window, found.kind) == (window, kind)


def test_tokens_are_counted_by_the_engine_or_estimated_and_it_is_told_which():
    async def work(desk):
        return await desk.count(question("one two three")), desk.offers[0].facts["tokens_counted"]

    for props in (None, {"default_generation_settings": {"n_ctx": 512}}):
        engine = ScriptedEngine(lambda body: [], counts=True, props=props)
        assert with_desk(engine, work) == (3 + 8, "by the engine")
    assert with_desk(ScriptedEngine(lambda body: []), work) == (estimated("one two three") + 8, "estimated")


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (question(plan="infllm"), "longspan.plan"),
        (question(model="another"), "model"),
        (question(turns=[]), "messages"),
        (question(turns=(), prompt="x", echo=True), "echo"),
        (question(generation={"form": Form.regex("a+")}), "response_format"),
        (question(context="ctx_none"), "longspan.context"),
    ],
)
def test_what_an_engine_cannot_be_asked_is_refused(asked, param):
    with pytest.raises(Refused) as refused:
        answered(lambda body: words("x"), asked)
    assert refused.value.param == param


def test_in_front_of_a_server_of_our_own(small_folder):
    model = longspan.load(small_folder)

    def make():
        desk = LocalDesk(model, name="small", limits=Limits(chunk=32))
        return create_app(desk, Settings(log=False)), desk.close

    asked = Asked(
        owner="a",
        turns=[Turn(role="user", text="Who lit it?", documents=(LOG,))],
        generation={"max_new_tokens": 6, "top_k": 1},
    )

    async def run(address):
        desk = BackendDesk(await opened(address, seconds=20))
        try:
            first = await heard(await desk.ask(asked))
            second = await heard(await desk.ask(asked))
            with pytest.raises(Overlong) as refused:
                await heard(await desk.ask(question("word " * 5000)))
            return first, second, refused.value, desk.offers[0]
        finally:
            await desk.close(0)

    async def alone():
        desk = LocalDesk(model, name="small", limits=Limits(chunk=32))
        try:
            return await heard(await desk.ask(asked))
        finally:
            await desk.close(0)

    with served(make) as address:
        first, second, refused, offer = asyncio.run(run(address))
    here = asyncio.run(alone())
    assert (offer.id, offer.window, offer.facts["engine"]) == ("small", model.window, "longspan")
    assert said(first) == said(second) == said(here)
    assert first[-1].used.prompt_tokens == here[-1].used.prompt_tokens
    assert second[-1].used.cached_tokens > 0
    assert refused.maximum == model.window
    assert refused.tokens > 5000

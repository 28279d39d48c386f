"""A desk over an engine elsewhere: contexts as text, and flows."""

import pytest
from backing import LOG, heard, question, said, the, with_desk
from scripted_engines import ScriptedEngine, words
from starlette.responses import JSONResponse

from longspan.errors import ContextError
from longspan.serving.asked import Asked, Turn
from longspan.serving.backend.engine import estimated
from longspan.serving.backend.texts import Texts
from longspan.serving.events import Done, Ended, Made
from longspan.serving.refused import Overlong, Refused
from longspan.spans import Document


def test_contexts_stand_in_front_of_questions_and_are_kept_as_text(tmp_path):
    engine = ScriptedEngine(lambda body: words('"Keeper Ada"'))

    async def reads(desk):
        name = the(Made, await heard(await desk.read("a", [LOG]))).id
        first = await heard(await desk.ask(question("Who?", context=name)))
        await heard(await desk.ask(question("When?", context=name)))
        with pytest.raises(Refused, match="no context"):
            await desk.ask(question(owner="b", context=name))
        assert await desk.contexts("b") == []
        return name, first, await desk.contexts("a")

    name, first, kept = with_desk(engine, reads, Texts(10_000, tmp_path))
    shown = [each["messages"][0]["content"] for each in engine.bodies]
    read, who, when = shown
    assert engine.bodies[0]["max_tokens"] == 1
    assert who.startswith(read)
    assert when.startswith(read)
    assert the(Ended, first).citations[0].verified
    assert (kept[0].id, kept[0].where, kept[0].documents) == (name, "text", ("log.txt",))

    async def again(desk):
        events = await heard(await desk.ask(question("Who?", context=name)))
        await desk.forget("a", name)
        return events

    texts = Texts(10_000, tmp_path)
    with pytest.raises(ContextError, match="another server"):
        Texts(10_000, tmp_path)
    assert said(with_desk(engine, again, texts)) == '"Keeper Ada" '
    assert not list(tmp_path.glob("ctx_*"))


def test_contexts_that_were_not_used_for_longest_go_and_spoilt_ones_are_left_out(tmp_path):
    (tmp_path / f"ctx_{'0' * 32}.json").write_text("{")
    long = Document("b.txt", "The tide was high. " * 20)

    async def work(desk):
        for each in (LOG, long):
            await heard(await desk.read("a", [each]))
        with pytest.raises(Refused) as refused:
            await heard(await desk.read("a", [Document("c.txt", "x" * 1000)]))
        return [each.documents for each in await desk.contexts("a")], refused.value.kind

    engine = ScriptedEngine(lambda body: words("x"))
    assert with_desk(engine, work, Texts(420, tmp_path)) == ([("b.txt",)], "too_large")
    assert len(list(tmp_path.glob("ctx_*"))) == 1


def test_a_text_beyond_the_window_is_kept_for_flows_and_a_flow_reads_it_in_parts():
    long = Document(
        "book.txt", "\n\n".join(f"Keeper {one} lit the lamp." for one in range(400)) + "\n\nAda rested."
    )

    def script(body):
        content = body["messages"][-1]["content"]
        if estimated(content) > 1200:
            error = {"message": "exceeds the context size", "code": "context_length_exceeded"}
            return JSONResponse({"error": error}, 400)
        return words("It was Ada." if "Ada rested." in content else "Nobody.")

    engine = ScriptedEngine(script, about={"max_model_len": 1200})

    async def work(desk):
        events = await heard(await desk.read("a", [long]))
        asked = question("Who rested?", context=the(Made, events).id, generation={"max_new_tokens": 50})
        with pytest.raises(Overlong):
            await heard(await desk.ask(asked))
        flow = Asked(**vars(asked) | {"flow": "auto"})
        return events, await heard(await desk.ask(flow))

    read, events = with_desk(engine, work)
    assert "longer than the window" in the(Done, read).notes[0]
    assert said(events).strip() == "It was Ada."
    assert events[-1].used.truncated_tokens > 0


def test_a_dialogue_is_gone_on_with_by_its_id_and_it_is_told_that_nothing_was_compressed():
    engine = ScriptedEngine(lambda body: words("Ada."))
    turns = [Turn(role="user", text="I am Ada."), Turn(role="assistant", text="Hello Ada.")]

    async def work(desk):
        events = await heard(await desk.compact("a", turns))
        await heard(await desk.ask(question("Who am I?", context=the(Made, events).id)))
        return events

    assert "not compressed" in the(Done, with_desk(engine, work)).notes[0]
    contents = [each["content"] for each in engine.bodies[-1]["messages"]]
    assert contents == ["I am Ada.", "Hello Ada.", "Who am I?"]

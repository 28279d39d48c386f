"""Contexts of the desk whose model runs here: read once, kept, found again, compacted."""

import asyncio
import dataclasses
import json

import pytest

import longspan
from longspan.errors import ContextError
from longspan.serving.admission import Limits
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.events import Done, Made, Read, Spoken
from longspan.serving.local import LocalDesk
from longspan.serving.past import Past, fresh_id
from longspan.serving.refused import Refused
from longspan.serving.shelf import Shelf
from longspan.spans import Document

TEXT = " ".join(f"The lamp of keeper {number} is lit at dusk." for number in range(30))
LOG = Document("log.txt", TEXT)


@pytest.fixture(scope="module")
def model(small_folder):
    return longspan.load(small_folder)


def on_a_desk(model, work, shelf=None, plan=None, **limits):
    async def run():
        desk = LocalDesk(model, plan=plan, shelf=shelf, limits=Limits(**{"chunk": 32, **limits}))
        try:
            return await asyncio.wait_for(work(desk), 60)
        finally:
            await desk.close(0)

    return asyncio.run(run())


async def heard(ticket):
    return [event async for event in await ticket]


async def made(ticket):
    return next(each.id for each in await heard(ticket) if isinstance(each, Made))


def question(text="Who lit it?", context=None, owner="a", **asked):
    turns = [Turn(role="user", text=text)]
    return Asked(owner=owner, turns=turns, context=context, generation={"max_new_tokens": 6}, **asked)


def said(events):
    return "".join(each.text for each in events if isinstance(each, Spoken))


def done(events):
    assert isinstance(events[-1], Done)
    return events[-1]


def test_a_question_about_a_context_pays_for_the_question_and_gets_the_answer_to_both(model):
    inline = Asked(
        owner="a",
        turns=[Turn(role="user", text="Who lit it?", documents=(LOG,))],
        generation={"max_new_tokens": 6},
    )

    async def work(desk):
        whole = await heard(desk.ask(inline))
        desk.worker.call(desk.worker.prefixes.clear).result()
        context = await made(desk.read("a", [LOG], name="the log"))
        (kept,) = await desk.contexts("a")
        return whole, await heard(desk.ask(question(context=context))), kept

    whole, asked, kept = on_a_desk(model, work)
    assert said(asked) == said(whole)
    assert done(asked).used.cached_tokens == kept.tokens
    assert done(asked).used.prompt_tokens - kept.tokens < 40
    assert (kept.name, kept.documents, kept.where) == ("the log", ("log.txt",), "memory")


def test_a_dialogue_about_a_context_goes_on_from_it(model):
    async def work(desk):
        context = await made(desk.read("a", [LOG]))
        turns = [
            Turn(role="system", text="Be brief."),
            Turn(role="user", text="Who?"),
            Turn(role="assistant", text="Ida."),
            Turn(role="user", text="Where?"),
        ]
        asked = dataclasses.replace(question(context=context), turns=turns)
        return (
            context,
            await heard(desk.ask(asked)),
            await desk.count(asked),
            await desk.text_of("a", context),
        )

    _, events, count, texts = on_a_desk(model, work)
    assert done(events).used.cached_tokens > 300
    assert done(events).used.prompt_tokens == count
    assert list(texts) == [LOG]


def test_what_stands_before_a_context_has_it_read_again_and_says_so(model):
    async def work(desk):
        context = await made(desk.read("a", [LOG]))
        return await heard(desk.ask(question(context=context, plan="codec=int8")))

    events = on_a_desk(model, work)
    assert done(events).used.cached_tokens == 0
    assert "read again" in done(events).notes[0]


def test_contexts_survive_a_restart_and_give_the_same(model, small_folder, tmp_path):
    async def first(desk):
        context = await made(desk.read("a", [LOG]))
        return context, said(await heard(desk.ask(question(context=context))))

    async def second(desk):
        (kept,) = await desk.contexts("a")
        return kept, await heard(desk.ask(question(context=context)))

    context, before = on_a_desk(model, first, Shelf(tmp_path, 10**9))
    kept, events = on_a_desk(longspan.load(small_folder), second, Shelf(tmp_path, 10**9))
    assert kept.where == "disk"
    assert said(events) == before
    assert done(events).used.cached_tokens == kept.tokens


def test_a_context_whose_file_is_damaged_is_read_again(model, tmp_path):
    async def first(desk):
        context = await made(desk.read("a", [LOG]))
        return context, said(await heard(desk.ask(question(context=context))))

    context, before = on_a_desk(model, first, Shelf(tmp_path, 10**9))
    place = tmp_path / f"{context}.safetensors"
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)

    async def second(desk):
        return await heard(desk.ask(question(context=context))), desk.state

    events, state = on_a_desk(model, second, Shelf(tmp_path, 10**9))
    assert said(events) == before
    assert "only its text" in done(events).notes[0]
    assert "could not be used" in state.problems[0]


def test_memory_gives_way_to_the_disk(model, tmp_path):
    async def work(desk):
        contexts = [await made(desk.read("a", [Document(f"{each}.txt", f"{each} {TEXT}")])) for each in "xyz"]
        where = {each.id: each.where for each in await desk.contexts("a")}
        events = await heard(desk.ask(question(context=contexts[0])))
        return [where[each] for each in contexts], events

    each = 2 * 2 * 2 * 16 * (2 if model.seam.dtype.itemsize == 2 else 4)
    where, events = on_a_desk(model, work, Shelf(tmp_path, 10**9), memory=each * 700)
    assert where == ["disk", "disk", "memory"]
    assert done(events).used.cached_tokens > 300


def test_contexts_belong_to_owners(model):
    async def work(desk):
        context = await made(desk.read("a", [LOG]))
        with pytest.raises(Refused, match="allowed are"):
            await desk.ask(question(context=context, text=TEXT * 3))
        for attempt in (
            desk.ask(question(context=context, owner="b")),
            desk.text_of("b", context),
            desk.forget("b", context),
            desk.ask(question(context=fresh_id())),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.kind == "missing"
        assert await desk.contexts("b") == []
        await desk.forget("a", context)
        desk.worker.call(desk.worker.prefixes.clear).result()
        return await desk.contexts("a"), desk.worker.call(desk.worker._held).result()

    assert on_a_desk(model, work) == ([], 0)


def test_a_compacted_dialogue_is_gone_on_with_at_fewer_bytes(model):
    turns = [
        Turn(role="system", text="Be brief."),
        Turn(role="user", text=TEXT),
        Turn(role="assistant", text="I see."),
    ]

    async def work(desk):
        plain = await made(desk.read("a", [LOG]))
        context = await made(desk.compact("a", turns))
        again = await made(desk.compact("a", [Turn(role="user", text=TEXT)], context=context))
        kept = {each.id: each for each in await desk.contexts("a")}
        asked = [
            dataclasses.replace(question(context=context), turns=[turns[0], Turn(role="user", text="Who?")]),
            question(context=again),
        ]
        return [kept[each] for each in (plain, context, again)], [
            await heard(desk.ask(each)) for each in asked
        ]

    (plain, once, twice), answers = on_a_desk(model, work)
    assert once.bytes < 0.7 * plain.bytes
    assert twice.compacted_from == once.id
    assert twice.tokens > 1.8 * once.tokens
    assert twice.bytes < 0.7 * plain.bytes * twice.tokens / plain.tokens
    for events, kept in zip(answers, (once, twice), strict=True):
        assert done(events).used.cached_tokens == kept.tokens
        assert done(events).notes == ()


def test_a_plan_that_forgets_makes_small_contexts_and_one_that_needs_the_question_none(model):
    async def work(desk):
        context = await made(desk.read("a", [LOG], plan="policy=knorm(budget=64)"))
        (kept,) = await desk.contexts("a")
        events = await heard(desk.ask(question(context=context)))
        with pytest.raises(Refused, match="forgets by the question"):
            await desk.read("a", [LOG], plan="policy=finch(budget=64)")
        return kept, events

    kept, events = on_a_desk(model, work)
    assert kept.bytes < kept.tokens * 2 * 2 * 2 * 16
    assert done(events).used.cached_tokens == kept.tokens


def test_a_shelf_keeps_its_limit_and_one_server(model, tmp_path):
    sizes = []

    async def work(desk):
        for each in "xyz":
            await made(desk.read("a", [Document(f"{each}.txt", f"{each} {TEXT}")]))
            sizes.append(desk.state.disk_bytes)
        return [each.documents[0] for each in await desk.contexts("a")]

    on_a_desk(model, work, Shelf(tmp_path / "one", 10**9))
    limit = sizes[0] * 5 // 2
    shelf = Shelf(tmp_path / "two", limit)
    with pytest.raises(ContextError, match="another server"):
        Shelf(tmp_path / "two", limit)
    assert on_a_desk(model, work, shelf) == ["z.txt", "y.txt"]
    assert max(sizes[3:]) <= limit


def test_a_context_that_cannot_be_kept_on_disk_is_said_and_works(model, tmp_path):
    async def work(desk):
        events = await heard(desk.read("a", [LOG]))
        context = next(each.id for each in events if isinstance(each, Made))
        return done(events).notes, desk.state.problems, await heard(desk.ask(question(context=context)))

    notes, problems, events = on_a_desk(model, work, Shelf(tmp_path, 10))
    assert "kept on disk" in notes[0]
    assert str(tmp_path) not in notes[0]
    assert "not kept on disk" in problems[0]
    assert done(events).used.cached_tokens > 300


def test_what_a_killed_server_left_is_cleared_away(model, tmp_path):
    async def first(desk):
        return [await made(desk.read("a", [LOG])) for _ in range(4)]

    whole, halved, bare, foreign = on_a_desk(model, first, Shelf(tmp_path, 10**9))
    about = tmp_path / f"{halved}.json"
    about.write_bytes(about.read_bytes()[:100])
    (tmp_path / f"{bare}.json").unlink()
    told = json.loads((tmp_path / f"{foreign}.json").read_text())
    (tmp_path / f"{foreign}.json").write_text(json.dumps(told | {"id": "ctx_" + "../" * 10 + "ab"}))
    (tmp_path / ".longspan-0123456789abcdef.partial").write_bytes(b"half")
    (tmp_path / "ctx_of_somebody.json").write_bytes(b"let lie")

    async def second(desk):
        return [each.id for each in await desk.contexts("a")]

    assert on_a_desk(model, second, Shelf(tmp_path, 10**9)) == [whole]
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {f"{whole}.json", f"{whole}.safetensors", "ctx_of_somebody.json", "lock"}


def test_a_past_comes_back_from_json():
    past = Past(
        id=fresh_id(),
        owner="a",
        name="n",
        plan="",
        turns=(Turn(role="user", text="Hi 🙂", documents=(LOG,)),),
        parts=("x", 3),
        created=1.5,
    )
    assert Past.from_dict(json.loads(json.dumps(past.to_dict()))) == past


def test_functions_before_a_context_are_seen(model):
    async def work(desk):
        context = await made(desk.read("a", [LOG]))
        asked = question(context=context, functions=[Function(name="look")])
        return await heard(desk.ask(asked)), isinstance((await heard(desk.ask(asked)))[0], Read)

    events, read = on_a_desk(model, work)
    assert read
    assert done(events).used.prompt_tokens > 300


SHOWN = "{% for each in tools or () %}<tool_call>{{ each.function.description }}\n{% endfor %}"


@pytest.mark.parametrize("shown", ["", SHOWN])
def test_a_dialogue_is_compacted_so_that_it_is_gone_on_with_under_its_functions(model, monkeypatch, shown):
    monkeypatch.setattr(model.tokenizer, "chat_template", shown + model.tokenizer.chat_template)
    turns = [Turn(role="user", text=TEXT), Turn(role="assistant", text="I see.")]
    functions = [Function(name="look", about="Looks at the sea.")]

    async def work(desk):
        bare = await made(desk.compact("a", turns))
        context = await made(desk.compact("a", turns, functions=functions))
        kept = {each.id: each for each in await desk.contexts("a")}
        answer = await heard(desk.ask(question(context=context, functions=functions)))
        return kept[bare], kept[context], answer

    bare, kept, events = on_a_desk(model, work)
    assert (kept.tokens > bare.tokens) == bool(shown)
    assert done(events).used.cached_tokens == kept.tokens
    assert done(events).notes == ()


def test_rounds_about_a_context_read_only_what_is_new(model):
    long = " ".join(f"On day {day} she wrote nothing." for day in range(20))

    async def work(desk):
        context = await made(desk.read("a", [LOG]))
        first = [Turn(role="user", text=long)]
        second = [*first, Turn(role="assistant", text="I see."), Turn(role="user", text="Where?")]
        fresh = await heard(desk.ask(dataclasses.replace(question(context=context), turns=second)))
        await desk.forget("a", context)
        context = await made(desk.read("a", [LOG]))
        await heard(desk.ask(dataclasses.replace(question(context=context), turns=first)))
        again = await heard(desk.ask(dataclasses.replace(question(context=context), turns=second)))
        (kept,) = await desk.contexts("a")
        await desk.forget("a", context)
        desk.worker.call(desk.worker.prefixes.clear).result()
        return kept, fresh, again, desk.worker.call(desk.worker._held).result()

    kept, fresh, again, held = on_a_desk(model, work)
    assert done(fresh).used.cached_tokens == kept.tokens
    assert done(again).used.cached_tokens >= kept.tokens + 96
    assert said(again) == said(fresh)
    assert held == 0

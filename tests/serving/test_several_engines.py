"""Several engines of one model: who is asked first, and who when that one is away or busy."""

import asyncio
import dataclasses
from collections import Counter
from contextlib import ExitStack

import httpx
import pytest
from backing import LOG, heard, question, said
from loopback import served
from scripted_engines import ScriptedEngine, words
from starlette.responses import JSONResponse

from longspan.errors import LongspanError
from longspan.serving.asked import Turn
from longspan.serving.backend import BackendDesk, Engine, Spread
from longspan.serving.backend.engine import opened
from longspan.serving.events import Spoken
from longspan.serving.refused import Refused
from longspan.spans import Document


def engine(number, **more):
    told = {"url": f"http://10.0.0.{number}/v1", "model": "m", "window": 100, "kind": "vllm", "counts": False}
    return Engine(**told | more, client=httpx.AsyncClient())


def test_keys_keep_their_engine_when_another_goes_and_are_spread_evenly():
    engines = [engine(number) for number in range(4)]
    keys = [f"context {number}" for number in range(2000)]
    whole = {key: Spread(engines).order(key)[0] for key in keys}
    fewer = {key: Spread(engines[:3]).order(key)[0] for key in keys}
    assert all(fewer[key] is whole[key] for key in keys if whole[key] is not engines[3])
    counts = Counter(each.url for each in whole.values())
    assert all(400 < count < 600 for count in counts.values())
    assert {fewer[key].url for key in keys if whole[key] is engines[3]} == {each.url for each in engines[:3]}


def test_the_second_is_taken_where_the_first_has_much_more_to_do_and_only_then():
    spread = Spread([engine(1), engine(2), engine(3)], uneven=4)
    first, second, third = spread.order("k")
    spread.running[first.url] = 3
    assert spread.order("k") == [first, second, third]
    spread.running[first.url] = 4
    assert spread.order("k") == [second, first, third]
    spread.running[second.url] = 4
    assert spread.order("k") == [first, second, third]


def test_who_cannot_be_reached_is_tried_last_for_a_while():
    now = [0.0]
    spread = Spread([engine(1), engine(2)], rest=5, clock=lambda: now[0])
    first, second = spread.order("k")
    spread._away[first.url] = 5.0
    assert spread.order("k") == [second, first]
    assert spread.away == 1
    now[0] = 5.0
    assert spread.order("k") == [first, second]
    assert spread.away == 0


def test_engines_that_are_not_alike_are_refused_and_the_shortest_window_counts():
    with pytest.raises(LongspanError, match="the same"):
        Spread([engine(1), engine(2, model="other")])
    with pytest.raises(LongspanError, match="the same"):
        Spread([engine(1), engine(2, kind="llama.cpp")])
    with pytest.raises(ValueError, match="one or more"):
        Spread([])
    assert Spread([engine(1), engine(2, window=50)]).window == 50


def on_engines(engines, work):
    async def run(addresses):
        found = [await opened(each, seconds=10) for each in addresses]
        desk = BackendDesk(Spread(found))
        try:
            return await asyncio.wait_for(work(desk), 30)
        finally:
            await desk.close(0)

    with ExitStack() as stack:
        addresses = [
            stack.enter_context(served(lambda each=each: (each.app, each.close))) for each in engines
        ]
        return asyncio.run(run(addresses))


def about(document, text):
    return question(turns=[Turn(role="user", text=text, documents=(document,))])


def test_all_questions_about_a_document_go_to_one_engine():
    engines = [ScriptedEngine(lambda body: words("fine")) for _ in range(3)]
    documents = [LOG, *(Document(f"{number}.txt", f"The tide of day {number}.") for number in range(12))]

    async def work(desk):
        for each in documents:
            for text in ("Who?", "When?", "Why?"):
                await heard(await desk.ask(about(each, text)))

    on_engines(engines, work)
    held = [{body["messages"][0]["content"].split("\n\n")[0] for body in each.bodies} for each in engines]
    assert sum(map(len, held)) == len(documents)
    assert all(len(each.bodies) == 3 * len(mine) for each, mine in zip(engines, held, strict=True))
    assert sum(bool(mine) for mine in held) > 1


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_too_busy_is_stood_in_for(status):
    busy = [ScriptedEngine(lambda body: JSONResponse({}, status)) for _ in range(2)]
    engines = [*busy, ScriptedEngine(lambda body: words("fine"))]

    async def work(desk):
        return [said(await heard(await desk.ask(question(f"q{each}")))) for each in range(6)]

    assert on_engines(engines, work) == ["fine "] * 6


def test_who_is_gone_is_stood_in_for_and_it_is_told():
    engines = [ScriptedEngine(lambda body: words("fine")) for _ in range(2)]

    async def work(desk):
        gone = dataclasses.replace(desk._spread.engines[0], url="http://127.0.0.1:9/v1")
        desk._spread = Spread([gone, desk._spread.engines[1]])
        texts = [said(await heard(await desk.ask(question(f"q{each}")))) for each in range(8)]
        return texts, desk.state.problems

    texts, problems = on_engines(engines, work)
    assert texts == ["fine "] * 8
    assert problems == ("1 of 2 engines cannot be reached",)


def test_an_answer_that_has_begun_is_not_begun_anew_elsewhere():
    def breaks(body):
        yield {"choices": [{"index": 0, "delta": {"content": "so"}}]}
        yield {"error": {"message": "too busy", "code": 503}}

    engines = [ScriptedEngine(breaks) for _ in range(2)]

    async def work(desk):
        found = []

        async def takes():
            async for event in await desk.ask(question()):
                found.append(event)

        with pytest.raises(Refused) as refused:
            await takes()
        return found, refused.value.kind

    found, kind = on_engines(engines, work)
    assert [each.text for each in found if isinstance(each, Spoken)] == ["so"]
    assert kind == "overloaded"
    assert sum(len(each.bodies) for each in engines) == 1

"""The desk whose model runs here: all requests on one runner."""

import asyncio
import time

import pytest

import longspan
from longspan.serving.admission import Limits
from longspan.serving.asked import Asked, Turn
from longspan.serving.events import Done, Echoed, Ended, Read, Spoken
from longspan.serving.interleaving import Dropped
from longspan.serving.local import LocalDesk
from longspan.serving.refused import Overlong, Refused
from longspan.spans import Document

CHUNK = 32


@pytest.fixture(scope="module")
def model(small_folder):
    return longspan.load(small_folder)


def on_a_desk(model, work, plan=None, **limits):
    """Runs something with a fresh desk, and closes it."""

    async def run():
        desk = LocalDesk(model, name="small", plan=plan, limits=Limits(**{"chunk": CHUNK, **limits}))
        try:
            return await asyncio.wait_for(work(desk), 60)
        finally:
            await desk.close(0)

    return asyncio.run(run())


def question(text, owner="a", tokens=8, **asked):
    turns = [Turn(role="user", text=text)]
    generation = {"max_new_tokens": tokens} | asked.pop("generation", {})
    return Asked(owner=owner, turns=turns, generation=generation, **asked)


async def heard(desk, asked):
    """All events of a request."""
    return [event async for event in await desk.ask(asked)]


def texts(events):
    said = {}
    for each in events:
        if isinstance(each, Spoken):
            said[each.index] = said.get(each.index, "") + each.text
    return said


def used(events):
    return events[-1].used


LONG = " ".join(f"The lamp of keeper {number} is lit at dusk." for number in range(40))


def test_an_answer_is_that_of_a_session(model):
    asked = question("Who lit the lamp?", generation={"logprobs": 2})
    events = on_a_desk(model, lambda desk: heard(desk, asked))
    with model.session(chunk=CHUNK) as session:
        alone = session.ask("Who lit the lamp?", max_new_tokens=8)
    assert texts(events)[0].strip() == alone.text
    assert isinstance(events[0], Read)
    assert isinstance(events[-2], Ended)
    assert isinstance(events[-1], Done)
    assert used(events).generated_tokens == sum(
        len(each.logprobs) for each in events if isinstance(each, Spoken)
    )


def test_answers_under_load_are_those_alone(model):
    prompts = [question(f"{LONG[: 40 * number]} Who is keeper {number}?", tokens=6) for number in range(9)]

    async def work(desk):
        alone = [texts(await heard(desk, each)) for each in prompts]
        return alone, [texts(each) for each in await asyncio.gather(*(heard(desk, one) for one in prompts))]

    alone, together = on_a_desk(model, work)
    assert together == alone


def test_what_was_read_before_is_not_read_again_and_gives_the_same(model):
    first, second = question(f"{LONG} Who?"), question(f"{LONG} Where, at last?")

    async def work(desk):
        fresh = await heard(desk, second)
        desk.worker.call(desk.worker.prefixes.clear).result()
        return fresh, await heard(desk, first), await heard(desk, second)

    fresh, _, again = on_a_desk(model, work)
    assert used(fresh).cached_tokens == 0
    assert used(again).cached_tokens >= used(again).prompt_tokens - 2 * CHUNK
    assert texts(again) == texts(fresh)


def test_nothing_is_shared_between_owners_and_plans(model):
    async def work(desk):
        await heard(desk, question(LONG, owner="a"))
        others = [question(LONG, owner="b"), question(LONG, plan="codec=int8")]
        return [used(await heard(desk, each)).cached_tokens for each in others]

    assert on_a_desk(model, work) == [0, 0]


def test_several_answers_of_one_prompt_differ_by_seed_and_share_it(model):
    generation = {"temperature": 1.5, "seed": 5}
    asked = question("Say something.", count=3, tokens=6, generation=generation)

    async def work(desk):
        one = question("Say something.", tokens=6, generation=generation)
        return await heard(desk, asked), await heard(desk, one)

    several, one = on_a_desk(model, work)
    assert len(set(texts(several).values())) == 3
    assert texts(several)[0] == texts(one)[0]
    assert sum(isinstance(each, Ended) for each in several) == 3


def test_what_nobody_wants_is_freed(model):
    async def work(desk):
        ticket = await desk.ask(question(LONG, tokens=500))
        events = aiter(ticket)
        await anext(events)
        assert desk.state.running == 1
        ticket.cancel()
        began = time.monotonic()
        while desk.state.running and time.monotonic() - began < 10:
            await asyncio.sleep(0.01)
        await heard(desk, question("Who?"))
        held = desk.worker.call(desk.worker._held).result()
        desk.worker.call(desk.worker.prefixes.clear).result()
        return desk.state.running, held, desk.worker.call(desk.worker._held).result()

    running, _, after = on_a_desk(model, work)
    assert running == 0
    assert after == 0


def test_one_that_fails_leaves_the_others_alone(model, monkeypatch):
    async def work(desk):
        whole = desk.worker._progress

        def failing(job):
            if job.owner == "bad":
                raise RuntimeError("broken")
            whole(job)

        monkeypatch.setattr(desk.worker, "_progress", failing)
        return await asyncio.gather(
            heard(desk, question("Who?", owner="bad")), heard(desk, question("Who?")), return_exceptions=True
        )

    failed, good = on_a_desk(model, work)
    assert isinstance(failed, Refused)
    assert failed.kind == "failed"
    assert texts(good)


@pytest.mark.parametrize(
    ("asked", "field", "part"),
    [
        (question(LONG * 20), "messages", "allowed are 1,024"),
        (question("Who?", tokens=2000), "messages", "allowed are 1,024"),
        (question("Who?", model="gpt-9"), "model", "this server has 'small'"),
        (question("Who?", plan="policy=nothing"), "longspan.plan", "nothing"),
        (Asked(owner="a", turns=[]), "messages", "empty"),
        (Asked(owner="a", prompt=""), "prompt", "empty"),
        (question("Who?", generation={"temperature": -1.0}), None, "temperature"),
    ],
)
def test_what_cannot_be_is_refused_by_name(model, asked, field, part):
    with pytest.raises(Refused, match=part) as refused:
        on_a_desk(model, lambda desk: heard(desk, asked))
    assert refused.value.kind in ("invalid", "missing")
    assert refused.value.param == field


def test_an_overlong_prompt_says_the_numbers_and_the_next_step(model):
    with pytest.raises(Overlong) as refused:
        on_a_desk(model, lambda desk: heard(desk, question(LONG * 20, tokens=5)))
    assert refused.value.maximum == 1024
    assert refused.value.tokens > 1024
    assert "positions" in refused.value.advice
    with pytest.raises(Overlong) as refused:
        on_a_desk(model, lambda desk: heard(desk, question("Who?", tokens=1024)))
    assert "tokens or fewer" in refused.value.advice


def test_memory_and_queue_are_bounded(model):
    async def work(desk):
        asked = [desk.ask(question("Who?", tokens=100)) for _ in range(7)]
        taken = await asyncio.gather(*asked, return_exceptions=True)
        full = next(each for each in taken if isinstance(each, Refused))
        kinds = full.kind, full.retry_after >= 1
        with pytest.raises(Refused) as never:
            await desk.ask(question("Who?", count=100, tokens=900))
        for each in taken:
            if not isinstance(each, Refused):
                each.cancel()
        return kinds, never.value.code

    each = 2 * 2 * 16 * 2 * 4
    kinds, code = on_a_desk(model, work, memory=each * 150, waiting=3)
    assert kinds == ("overloaded", True)
    assert code == "too_much_memory"


def test_what_takes_too_long_ends(model):
    with pytest.raises(Refused) as refused:
        on_a_desk(model, lambda desk: heard(desk, question("Who?", tokens=900, seconds=0.05)))
    assert refused.value.kind == "timeout"


def test_the_likelihoods_of_a_prompt(model):
    asked = Asked(owner="a", prompt=LONG, echo=True, generation={"max_new_tokens": 0, "logprobs": 1})
    events = on_a_desk(model, lambda desk: heard(desk, asked))
    told = [each for each in events if isinstance(each, Echoed)]
    assert b"".join(token for each in told for token in each.tokens).decode() == LONG
    values = [likely.own.value for each in told for likely in each.logprobs if likely is not None]
    ids = model.tokenizer(LONG).input_ids
    with model.session(chunk=CHUNK) as session:
        rows = session.logits(ids).float().log_softmax(-1)
    assert values == pytest.approx(
        [float(row[token]) for row, token in zip(rows, ids[1:], strict=False)], abs=1e-4
    )


def test_quotes_are_checked_against_the_documents_that_were_shown(model, monkeypatch):
    document = Document("log.txt", "The lamp was lit by Ida at dusk. The sea was calm.")
    turn = Turn(role="user", text="Who lit it?", documents=(document,))

    async def work(desk):
        put = desk.worker._tell

        def told(job, number, step):
            job.ticket.put(Spoken(index=0, text="It says “The lamp was lit by Ida” there."))
            put(job, number, step)

        monkeypatch.setattr(desk.worker, "_tell", told)
        return await heard(desk, Asked(owner="a", turns=[turn], generation={"max_new_tokens": 1}))

    ended = next(each for each in on_a_desk(model, work) if isinstance(each, Ended))
    (first, *_) = ended.citations
    assert first.verified
    assert document.text[first.start : first.end] == first.quote == "The lamp was lit by Ida"


def test_a_closing_desk_takes_nothing_and_lets_what_runs_end(model):
    async def work(desk):
        running = asyncio.create_task(heard(desk, question("Who?", tokens=20)))
        while not desk.state.running:
            await asyncio.sleep(0.005)
        closing = asyncio.create_task(desk.close(10))
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await desk.ask(question("Who?"))
        await closing
        return await running, refused.value.kind

    events, kind = on_a_desk(model, work)
    assert isinstance(events[-1], Done)
    assert kind == "overloaded"


def test_any_number_of_plans_may_be_named(model, monkeypatch):
    monkeypatch.setattr("longspan.serving.local.KINDS", 2)

    async def work(desk):
        for budget in range(8, 13):
            await heard(desk, question("Who?", tokens=1, plan=f"policy=streamingllm(budget={budget})"))
        await heard(desk, question("Who?", tokens=1))
        return len(desk._kinds), desk.state.held_bytes

    kinds, held = on_a_desk(model, work)
    assert kinds <= 3
    assert held < 10**6


def test_a_desk_that_ends_at_once_leaves_the_pass_in_which_it_is(model):
    async def work(desk):
        whole, passes = desk.worker._meanwhile, desk.worker._passes

        def slowly():
            time.sleep(0.2)
            whole()

        passes._meanwhile = slowly
        running = asyncio.create_task(heard(desk, question(LONG)))
        while not passes.runner.passing:
            await asyncio.sleep(0.002)
        (request,) = passes.runner.passing
        await desk.close(0)
        return request, await asyncio.gather(running, return_exceptions=True)

    request, (refused,) = on_a_desk(model, work, chunk=1024)
    assert isinstance(request.error, Dropped)
    assert request.sequence.run == 0
    assert isinstance(refused, Refused)
    assert refused.kind == "overloaded"

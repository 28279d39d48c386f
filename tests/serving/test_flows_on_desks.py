"""Flows on desks: which are taken, what they ask, what comes of them, and how those end that nobody waits for."""

import asyncio

import pytest
from scripted_desk import ScriptedDesk, saying

import longspan
from longspan.serving.admission import Limits
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.events import Done, Ended, Read, Spoken
from longspan.serving.flowing import Flows, Known
from longspan.serving.harmless import check_plan, flow_call
from longspan.serving.local import LocalDesk
from longspan.serving.refused import Refused
from longspan.spans import Document

LOG = Document("log.txt", " ".join(f"Keeper number {one} lit the lamp on day {one}." for one in range(60)))
TIDES = Document("tides.txt", "The tide was high at noon. " * 30)


def asked(flow, text="Who lit the lamp on day 7?", documents=(LOG,), **more):
    turn = Turn(role="user", text=text, documents=documents)
    return Asked(**{"owner": "a", "turns": [turn], "flow": flow, "generation": {"max_new_tokens": 32}} | more)


def on_a_script(script, work, **desk):
    async def run():
        scripted = ScriptedDesk(script, **desk)
        return await asyncio.wait_for(work(scripted, Flows(scripted)), 20)

    return asyncio.run(run())


async def heard(ticket):
    return [event async for event in ticket]


def answered(script, request, known=None):
    async def work(desk, flows):
        ticket = await flows.ask(request, known or Known(window=desk.window))
        return desk, await heard(ticket)

    return on_a_script(script, work)


def said(events):
    return "".join(each.text for each in events if isinstance(each, Spoken) and not each.reasoning)


def ended(events):
    return next(each for each in events if isinstance(each, Ended))


def test_a_flow_asks_with_what_it_found_and_its_quotes_are_checked():
    quote = 'The log says: "Keeper number 7 lit the lamp on day 7."'
    desk, events = answered(lambda asked: saying(quote), asked("best-passages(tokens=100,passage=32)"))
    (inner,) = desk.asked
    assert inner.owner == "a"
    assert inner.flow is None
    assert not inner.cite
    assert "Keeper number 7 lit the lamp on day 7." in inner.turns[-1].text
    assert len(inner.turns[-1].text) < len(LOG.text)
    assert said(events) == quote
    (citation,) = ended(events).citations
    assert citation.verified
    assert citation.document == "log.txt"
    assert LOG.text[citation.start : citation.end] == "Keeper number 7 lit the lamp on day 7."
    assert events[-1].used.truncated_tokens > 0
    assert any("passages" in note for note in events[-1].notes)


def test_the_answer_comes_in_pieces_and_reading_is_told_of():
    _, events = answered(lambda asked: saying("one two three"), asked("best-passages"))
    assert [each.text for each in events if isinstance(each, Spoken)] == ["one ", "two ", "three"]
    assert isinstance(events[0], Read)
    assert isinstance(events[-1], Done)


def test_parts_are_asked_side_by_side_and_their_usage_is_summed():
    running, most = 0, 0

    def script(asked):
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield 0.05
        running -= 1
        yield from saying("Information: the lamp\nRationale: said\nAnswer: keeper\nConfidence: 5", prompt=10)

    desk, events = answered(script, asked("map-reduce(chunk=300,note=32)", documents=(LOG, TIDES)))
    assert 2 <= most <= 4
    assert len(desk.asked) > 3
    assert events[-1].used.prompt_tokens == 10 * len(desk.asked)
    reads = [each.processed for each in events if isinstance(each, Read)]
    assert reads == sorted(reads)
    assert {each.owner for each in desk.asked} == {"a"}


def test_who_is_told_to_come_back_later_comes_back():
    calls = 0

    def script(asked):
        nonlocal calls
        calls += 1
        if calls == 1:
            return [Refused("too many wait", kind="rate", retry_after=0.01)]
        return saying("It was keeper 7.")

    _, events = answered(script, asked("best-passages"))
    assert said(events) == "It was keeper 7."
    assert calls == 2


def test_a_cancelled_flow_cancels_what_it_asked_and_its_thread_ends():
    async def work(desk, flows):
        ticket = await flows.ask(
            asked("map-reduce(chunk=300,note=32)", documents=(LOG, TIDES)), Known(window=8192)
        )
        while len(desk.tickets) < 4:
            await asyncio.sleep(0.01)
        ticket.cancel()
        for _ in range(200):
            if not flows._going:
                break
            await asyncio.sleep(0.01)
        return list(desk.tickets), flows._going.total()

    def script(asked):
        yield Spoken(index=0, text="so")
        yield 10.0

    tickets, going = on_a_script(script, work)
    assert going == 0
    assert len(tickets) == 4  # nothing more was asked
    assert all(each.cancelled for each in tickets)


def test_a_flow_ends_at_its_time_limit():
    with pytest.raises(Refused) as refused:
        answered(lambda asked: [10.0], asked("best-passages", seconds=0.2))
    assert refused.value.kind == "timeout"


def test_a_fault_in_a_request_ends_the_flow_and_is_told():
    with pytest.raises(Refused) as refused:
        answered(lambda asked: [RuntimeError("secret")], asked("best-passages"))
    assert refused.value.kind == "failed"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "kind"), [({"limit": 2}, "overloaded"), ({"each": 2}, "rate"), ({"each": 1, "limit": 9}, None)]
)
def test_more_flows_than_may_run_are_told_to_come_back(limits, kind):
    async def work(desk, _):
        flows = Flows(desk, **limits)
        owners = ["a", "b" if limits.get("each") == 1 else "a"]
        taken = [await flows.ask(asked("best-passages", owner=each), Known(window=8192)) for each in owners]
        if kind is None:
            return None
        with pytest.raises(Refused) as refused:
            await flows.ask(asked("best-passages"), Known(window=8192))
        for each in taken:
            each.cancel()
        return refused.value

    refused = on_a_script(lambda asked: [5.0], work)
    if kind is not None:
        assert refused.kind == kind
        assert refused.retry_after


def test_auto_reads_whole_what_fits_and_says_why_it_does_otherwise():
    desk, events = answered(lambda asked: saying("fine"), asked("auto"))
    assert desk.asked[0].turns[0].documents == (LOG,)
    assert desk.asked[0].flow is None
    desk, events = answered(lambda asked: saying("fine"), asked("auto"), Known(window=300))
    assert not desk.asked[0].turns[0].documents
    assert "300" in events[-1].notes[0]


def test_documents_of_a_context_are_read_by_flows_too():
    async def work(desk, flows):
        ticket = await desk.read("a", [LOG])
        made = next(each.id for each in await heard(ticket) if hasattr(each, "id"))
        request = asked("best-passages", documents=(), context=made)
        events = await heard(await flows.ask(request, Known(window=8192)))
        with pytest.raises(Refused, match="no context"):
            await flows.ask(asked("best-passages", documents=(), context=made, owner="b"), Known())
        return desk, events

    desk, _ = on_a_script(lambda asked: saying("keeper 7"), work)
    assert "Keeper number 7" in desk.asked[0].turns[0].text
    assert desk.asked[0].context is None


def test_what_a_flow_is_not_shown_is_told_and_the_system_is_heard():
    turns = [
        Turn(role="system", text="Answer in French."),
        Turn(role="user", text="Hello"),
        Turn(role="assistant", text="Bonjour"),
        Turn(role="user", text="Who lit the lamp?", documents=(LOG,)),
    ]
    desk, events = answered(lambda asked: saying("Sept"), asked("best-passages", turns=turns))
    assert [each.role for each in desk.asked[0].turns] == ["system", "user"]
    assert any("2 turns before" in note for note in events[-1].notes)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (asked("no-such-flow"), "longspan.flow"),
        (asked("best-passages(tokens=-1)"), "longspan.flow"),
        (asked("best-passages("), "longspan.flow"),
        (asked("rlm"), "longspan.flow"),
        (asked("gemfilter"), "longspan.flow"),
        (asked("best-passages(retriever=dense(embedder=folder(path=/etc)))"), "longspan.flow"),
        (asked("compressed(compressor=llmlingua-2)"), "longspan.flow"),
        (asked("best-passages", documents=()), "longspan.flow"),
        (asked("best-passages", count=2), "n"),
        (asked("best-passages", functions=[Function(name="f")]), "tools"),
        (asked("best-passages", text=" "), "messages"),
    ],
)
def test_what_no_flow_can_do_is_refused(request_, param):
    with pytest.raises(Refused) as refused:
        answered(lambda asked: saying("x"), request_)
    assert refused.value.param == param
    assert refused.value.kind == "invalid"


@pytest.mark.parametrize(
    "plan",
    [
        "/etc/plan.toml",
        "pattern=xattention(thresholds=/etc/passwd)",
        "codec=mapped(folder=/tmp)",
        "codec=host(codec=mapped(folder=/tmp))",
        'codec=host(codec="mapped(folder=/tmp)")',
        "decode=draft-model(model=/models/x)",
        "infllm pattern=xattention(thresholds=/etc/passwd)",
        "policy=snapkv(allocator=retrieval-heads(gates=/etc/passwd))",
        "decode=several(of=[draft-model(model=x)])",
    ],
)
def test_plans_of_clients_open_nothing(plan):
    with pytest.raises(Refused) as refused:
        check_plan(plan)
    assert refused.value.param == "longspan.plan"
    assert refused.value.code == "not_allowed" or ".toml" in plan


@pytest.mark.parametrize(
    "plan", ["", "infllm", "positions=yarn(factor=4) policy=snapkv(budget=2048,when=chunk)"]
)
def test_plans_of_clients_that_open_nothing_are_taken(plan):
    check_plan(plan)
    assert flow_call("map-reduce(chunk=300)").parameters


@pytest.fixture(scope="module")
def model(small_folder):
    return longspan.load(small_folder)


def test_flows_run_on_a_model_of_this_process(model):
    async def run():
        desk = LocalDesk(model, limits=Limits(chunk=32))
        try:
            whole = await heard(await desk.ask(asked("best-passages(tokens=60,passage=30)")))
            parts = await heard(await desk.ask(asked("map-reduce(chunk=400,note=16)", documents=(LOG,))))
            with pytest.raises(Refused) as refused:
                await desk.ask(asked("no-such-flow"))
            with pytest.raises(Refused) as opened:
                await desk.ask(asked(None, plan="pattern=xattention(thresholds=/etc/passwd)"))
        finally:
            await desk.close(0)
        return whole, parts, refused.value, opened.value

    whole, parts, refused, opened = asyncio.run(run())
    assert isinstance(whole[-1], Done)
    assert said(whole)
    assert isinstance(parts[-1], Done)
    assert parts[-1].used.prompt_tokens > whole[-1].used.prompt_tokens
    assert refused.param == "longspan.flow"
    assert opened.code == "not_allowed"

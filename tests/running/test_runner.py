"""Requests that join, read, speak, fork, go back, fail and leave: each answer is the one that it would be alone."""

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from told import Told

from longspan.conversation import Words
from longspan.plan import Plan
from longspan.running.drafting import Drafting
from longspan.running.engine import Engine
from longspan.running.runner import Request, Runner
from longspan.running.sequence import Sequence
from longspan.running.speaking import Speaker
from longspan.store.form import Plain
from longspan.store.ledger import Ledger
from tiny import tiny_model, tokens

PLANS = (
    "",
    "policy=snapkv(budget=24,window=8,when=chunk)",
    "policy=adakv(budget=24,window=8)",
    "policy=h2o(budget=24,when=chunk)",
    "policy=streamingllm(budget=20,sinks=4,when=chunk)",
    "policy=kvzip(budget=0.5)",
    "selector=quest(budget=16,page=4,dense=0)",
    "codec=kivi(bits=4,group_size=8,residual_length=8)",
    "positions=self-extend(group=4,neighbour=16)",
    "pattern=xattention(block=16,stride=4)",
    "policy=pyramidkv(budget=24,window=8) codec=int8",
    "policy=snapkv(budget=20,window=8,disposer=move)",
)
CHUNK = 16


def engine_of(plan, family="llama"):
    model = tiny_model(family)
    return Engine(model.seam, Plan.of(plan), chunk=CHUNK, profile=model.profile)


def fresh(engine, ledger):
    return Sequence(engine, ledger, words=Words(tiny_model().tokenizer))


def speaker(count):
    model = tiny_model()
    return Speaker(model.tokenizer, model.seam.device, max_new_tokens=count)


def done(sequence, runner, what):
    """A request for one thing that is done with a text: its tokens, or how many are to be spoken."""
    if isinstance(what, int):
        return runner.add(Request(sequence=sequence, reading=False, speaker=speaker(what)))
    sequence.take(list(what))
    return runner.add(Request(sequence=sequence))


def alone(engine, deeds):
    """The sequence after the same was done with it, and nothing beside it."""
    sequence, runner = fresh(engine, Ledger()), Runner(engine.seam)
    for what in deeds:
        request = done(sequence, runner, what)
        for _ in runner.run():
            pass
        assert request.error is None
    return sequence


def check_alike(mine, theirs):
    assert mine.ids == theirs.ids
    assert mine.pending == theirs.pending
    torch.testing.assert_close(mine.upcoming, theirs.upcoming, atol=1e-5, rtol=1e-5)
    for one, other in zip(mine.recurrences, theirs.recurrences, strict=True):
        held, expected = one.tensors(), other.tensors()
        assert held.keys() == expected.keys()
        for name in held:
            torch.testing.assert_close(held[name], expected[name], atol=1e-4, rtol=1e-4)
    for one, other in zip(mine.layers, theirs.layers, strict=True):
        assert one.store.lengths == other.store.lengths
        if isinstance(one.store.form, Plain):
            for held, expected in zip(one.store.vectors(), other.store.vectors(), strict=True):
                torch.testing.assert_close(held, expected, atol=1e-4, rtol=1e-4)


@dataclass(eq=False)
class Text:
    sequence: Sequence
    deeds: list
    request: Request | None = None
    marks: list = field(default_factory=list)


class Requests(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.ledger = Ledger()
        self.texts = []

    @initialize(family=st.sampled_from(("llama", "bamba", "packed llama")))
    def begin_with(self, family):
        self.family = family
        self.runner = Runner(tiny_model(family).seam, budget=24)

    def some(self, data, *, busy):
        found = [each for each in self.texts if (each.request is not None) == busy]
        return data.draw(st.sampled_from(found))

    @property
    def idle(self):
        return [each for each in self.texts if each.request is None]

    @rule(plan=st.sampled_from(PLANS), count=st.integers(1, 50), seed=st.integers(0, 99))
    def join(self, plan, count, seed):
        if len(self.texts) < 6:
            text = Text(fresh(engine_of(plan, self.family), self.ledger), [])
            self.texts.append(text)
            self.begin(text, tokens(count, seed=seed))

    def begin(self, text, what):
        what = what if isinstance(what, int) else [int(each) for each in what]
        text.deeds.append(what)
        text.request = done(text.sequence, self.runner, what)

    @precondition(lambda self: self.idle)
    @rule(data=st.data(), count=st.integers(1, 30), seed=st.integers(0, 99))
    def read_on(self, data, count, seed):
        self.begin(self.some(data, busy=False), tokens(count, seed=seed))

    @precondition(lambda self: self.idle)
    @rule(data=st.data(), count=st.integers(1, 8), drafts=st.booleans(), seed=st.integers(0, 99))
    def speak(self, data, count, drafts, seed):
        text = self.some(data, busy=False)
        ready = text.sequence.run > 0 and len(text.sequence.pending) < 2
        coming = alone(text.sequence.engine, [*text.deeds, count]).tokens if drafts and ready else None
        self.begin(text, count)
        if coming is not None:
            text.request.drafting = Drafting(Told(text=coming, seed=seed))

    @rule(count=st.integers(1, 4))
    def step(self, count):
        for _ in range(count):
            self.runner.step()
        for text in self.texts:
            if text.request is not None and text.request.finished:
                assert text.request.error is None
                text.request = None

    @precondition(lambda self: self.idle and len(self.texts) < 6)
    @rule(data=st.data())
    def fork(self, data):
        text = self.some(data, busy=False)
        self.texts.append(Text(text.sequence.fork(self.ledger), list(text.deeds)))

    @precondition(lambda self: self.idle)
    @rule(data=st.data())
    def mark(self, data):
        text = self.some(data, busy=False)
        text.marks.append((text.sequence.mark(), list(text.deeds)))

    @precondition(lambda self: any(each.marks for each in self.idle))
    @rule(data=st.data())
    def rewind(self, data):
        text = data.draw(st.sampled_from([each for each in self.idle if each.marks]))
        place = data.draw(st.integers(0, len(text.marks) - 1))
        mark, deeds = text.marks[place]
        text.sequence.rewind(mark)
        text.deeds = list(deeds)

    @precondition(lambda self: self.idle)
    @rule(data=st.data())
    def save_and_restore(self, data):
        text = self.some(data, busy=False)
        kept = {
            f"{part}.{name}": tensor.clone()
            for part, make in text.sequence.parts().items()
            for name, tensor in make().items()
        }
        twin = fresh(text.sequence.engine, self.ledger)
        twin.load(kept)
        text.sequence.release()
        text.sequence, text.marks = twin, []

    @precondition(lambda self: len(self.idle) < len(self.texts))
    @rule(data=st.data(), fails=st.booleans())
    def leave(self, data, fails):
        """A request is cancelled, or fails where its text has been read; the others go on."""
        text = self.some(data, busy=True)
        if fails and text.request.reading:

            def broken(sequence):
                raise ArithmeticError("this one fails")

            text.request.after = broken
            while text.request.error is None:
                self.runner.step()
            assert isinstance(text.request.error, ArithmeticError)
        else:
            self.runner.remove(text.request)
        text.sequence.release()
        self.texts.remove(text)
        self.step(0)

    @precondition(lambda self: len(self.idle) < len(self.texts))
    @rule(data=st.data(), resumes=st.booleans())
    def interrupt(self, data, resumes):
        """A request leaves in the middle: its sequence knows what was done, and what is pending goes on later."""
        text = self.some(data, busy=True)
        request, text.request = text.request, None
        self.runner.remove(request)
        if request.reading:
            text.request = self.runner.add(Request(sequence=text.sequence))
            if not resumes:
                self.step(9)
        elif request.speaker is not None:
            text.deeds[-1] = request.speaker.count
            if text.deeds[-1] == 0:
                text.deeds.pop()

    @precondition(lambda self: self.idle)
    @rule(data=st.data())
    def compare(self, data):
        text = self.some(data, busy=False)
        check_alike(text.sequence, alone(text.sequence.engine, text.deeds))

    def teardown(self):
        for _ in self.runner.run():
            pass
        self.step(0)
        assert not any(each.request for each in self.texts)
        for text in self.texts:
            check_alike(text.sequence, alone(text.sequence.engine, text.deeds))
            text.sequence.release()
        assert self.ledger.held == self.ledger.offloaded == 0


Requests.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestRequests = Requests.TestCase


@pytest.mark.parametrize(
    ("plan", "family"),
    [*((plan, "llama") for plan in PLANS), ("", "bamba"), ("policy=kvzip(budget=0.5)", "bamba")],
)
def test_going_back_is_as_if_nothing_had_happened(plan, family):
    engine = engine_of(plan, family)
    sequence, runner = fresh(engine, Ledger()), Runner(engine.seam)

    def do(what):
        done(sequence, runner, what)
        for _ in runner.run():
            pass

    do([int(each) for each in tokens(40)])
    mark = sequence.mark()
    found = []
    for _ in range(2):
        do(5)
        do([int(each) for each in tokens(40, seed=1)])
        do(3)
        found.append((sequence.tokens, sequence.upcoming.clone()))
        sequence.rewind(mark)
        assert sequence.run == 40
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
    check_alike(sequence, alone(sequence.engine, [[int(each) for each in tokens(40)]]))


@pytest.mark.parametrize("plan", ["", "codec=int8", "policy=adakv(budget=24,window=8)"])
def test_nothing_that_a_mark_or_a_fork_holds_is_overwritten(plan):
    """A fork in the memory of a mark, and a mark in the memory of a fork, while either of them goes on."""
    sequence, runner = fresh(engine_of(plan), Ledger()), Runner(tiny_model().seam)
    deeds = [[int(each) for each in tokens(30)]]

    def do(one, what):
        request = done(one, runner, what)
        for _ in runner.run():
            pass
        assert request.error is None

    sequence.take(list(deeds[0]))
    runner.add(Request(sequence=sequence, reserve=64))
    for _ in runner.run():
        pass
    early = sequence.mark()
    twin = sequence.fork(Ledger())
    do(sequence, 6)
    late = sequence.mark()
    do(sequence, [int(each) for each in tokens(400, seed=2)])  # into other memory
    do(twin, 9)
    do(twin, 3)
    sequence.rewind(late)
    check_alike(sequence, alone(sequence.engine, [*deeds, 6]))
    do(sequence, 4)
    check_alike(twin, alone(twin.engine, [*deeds, 9, 3]))
    third = sequence.fork(Ledger())
    sequence.rewind(early)
    do(sequence, [int(each) for each in tokens(8, seed=3)])
    check_alike(third, alone(third.engine, [*deeds, 6, 4]))
    check_alike(twin, alone(twin.engine, [*deeds, 9, 3]))
    sequence.rewind(late)
    check_alike(sequence, alone(sequence.engine, [*deeds, 6]))


@pytest.mark.parametrize("plan", ["", "codec=int8", "policy=adakv(budget=24,window=8)"])
def test_a_later_mark_holds_when_something_else_follows_an_earlier_one(plan):
    sequence, runner = fresh(engine_of(plan), Ledger()), Runner(tiny_model().seam)
    texts = [[int(each) for each in tokens(count, seed=count)] for count in (30, 6, 8)]
    sequence.take(texts[0])
    runner.add(Request(sequence=sequence, reserve=64, more=True))
    for _ in runner.run():
        pass
    marks = [sequence.mark()]
    for text in texts[1:]:
        sequence.rewind(marks[0])
        sequence.take(list(text))
        runner.add(Request(sequence=sequence, reading=False))
        for _ in runner.run():
            pass
        marks.append(sequence.mark())
    found = []
    for mark in marks[1:]:
        sequence.rewind(mark)
        found.append([layer.store.vectors() for layer in sequence.layers])
    first, second = ([pair[0][:, :30] for pair in each] for each in found)
    assert all(map(torch.equal, first, second))
    for (keys, _), text in zip([each[0] for each in found], texts[1:], strict=True):
        only = fresh(engine_of(plan), Ledger())
        only.take([*texts[0], *text])
        runner.add(Request(sequence=only, more=True))
        for _ in runner.run():
            pass
        torch.testing.assert_close(keys, only.layers[0].store.vectors()[0], atol=0.05, rtol=0.05)


def test_a_mark_of_another_sequence_is_refused():
    first, second = (fresh(engine_of(""), Ledger()) for _ in range(2))
    with pytest.raises(ValueError, match="mark is of another sequence"):
        first.rewind(second.mark())


def test_bytes_that_only_a_mark_keeps_are_counted():
    with tiny_model().session("policy=snapkv(budget=16,window=8,when=chunk)", chunk=64) as session:
        session.read(tokens(64))
        before = session.usage.kv_bytes
        mark = session.mark()
        session.read(tokens(64, seed=1))
        held = session.usage.kv_bytes
        del mark
        assert session.usage.kv_bytes < held
        assert held - session.usage.kv_bytes <= before


def test_a_chunk_beyond_the_budget_waits_and_single_tokens_never_do():
    seam, ledger = tiny_model().seam, Ledger()
    runner, sizes = Runner(seam, budget=CHUNK), []
    texts = [fresh(engine_of(""), ledger) for _ in range(3)]
    for text in texts[:2]:
        text.take([int(each) for each in tokens(2 * CHUNK)])
        runner.add(Request(sequence=text))
    texts[2].take([1, 2])
    runner.add(Request(sequence=texts[2], speaker=speaker(6)))
    while runner.requests:
        before = [text.run for text in texts]
        runner.step()
        sizes.append([text.run - had for text, had in zip(texts, before, strict=True)])
    assert [text.run for text in texts] == [2 * CHUNK, 2 * CHUNK, 7]
    assert sizes == [[16, 0, 0], [16, 0, 0], [0, 16, 0], [0, 16, 0], [0, 0, 2]] + [[0, 0, 1]] * 5
    runner.add(Request(sequence=texts[2], reading=False, speaker=speaker(3)))
    texts[0].take([int(each) for each in tokens(2 * CHUNK)])
    runner.add(Request(sequence=texts[0]))
    runner.step()
    assert [texts[0].run, texts[2].run] == [3 * CHUNK, 8], "a chunk beside a single token"

"""A step through all layers in one call is that through one layer after another, to the bit."""

from dataclasses import dataclass

import pytest
import torch
from test_drafting import check_drafts
from test_runner import done, engine_of, fresh, speaker
from told import Told

from longspan.kernels import packed
from longspan.plan import Plan
from longspan.running import passing
from longspan.running.drafting import Drafting
from longspan.running.engine import Engine
from longspan.running.runner import Request, Runner
from longspan.selectors.base import Outlook, Selector, Summary
from longspan.selectors.retrieval import Retrieval
from longspan.session import Session
from longspan.store.ledger import Ledger
from tiny import model_of, packed_network, tiny_model, tokens

pytestmark = pytest.mark.skipif(
    not packed.suits(packed.gguf.GGMLQuantizationType.Q8_0, 64), reason="no compiler"
)

STEPS = 18  # a policy acts every 16 tokens
FAMILIES = {
    "llama": {},
    "mistral": {"sliding_window": 20},
    "qwen3": {"attention_bias": True},
    "smollm3": {},  # one of four layers does not rotate
}


def generated(model, plan, sizes, monkeypatch, *, steps):
    """Tokens and logits of STEPS steps of sequences of some sizes, and in how many passes all layers were one call."""
    own, taken = passing.stepped, []

    def counted(*given):
        hidden = own(*given) if steps else None
        taken.append(hidden is not None)
        return hidden

    monkeypatch.setattr(passing, "stepped", counted)
    with model.session(plan, size=len(sizes)) as session:
        ids = [tokens(size, seed) for seed, size in enumerate(sizes)]
        session.read(ids if len(ids) > 1 else ids[0])
        taken.clear()
        said, logits = [], []
        for step in session.generate(max_new_tokens=STEPS):
            said.append((step.sequence, step.token))
            logits.append(session.sequences[step.sequence].upcoming.clone())
    monkeypatch.setattr(passing, "stepped", own)
    return said, torch.stack(logits), sum(taken)


def check_alike(model, plan, sizes, monkeypatch):
    said, logits, taken = generated(model, plan, sizes, monkeypatch, steps=True)
    expected, own, _ = generated(model, plan, sizes, monkeypatch, steps=False)
    assert said == expected
    assert torch.equal(logits, own)
    return taken


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sizes", [[30], [50, 7, 33]])
def test_steps_are_passes(family, sizes, monkeypatch):
    model = model_of(packed_network(family, **FAMILIES[family]))
    assert check_alike(model, "", sizes, monkeypatch) >= STEPS - 1


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_forks_of_one_text_pass_together_and_say_what_each_alone_says(family, monkeypatch):
    model, own, taken = model_of(packed_network(family, **FAMILIES[family])), passing.stepped, []

    def counted(*given):
        hidden = own(*given)
        taken.append(hidden is not None)
        return hidden

    def drawn(forks, seeds):
        steps = forks.generate(seeds=seeds, max_new_tokens=STEPS, min_tokens=STEPS, temperature=1.0)
        return [(seeds[step.sequence], step.token, forks.sequences[step.sequence].upcoming) for step in steps]

    with model.session() as session:
        session.read(tokens(70))
        alone = [each for seed in (4, 7, 9) for each in drawn(session.fork(), [seed])]
        monkeypatch.setattr(passing, "stepped", counted)
        found = drawn(session.fork(of=[0, 0, 0]), [4, 7, 9])
    assert sum(taken) >= STEPS - 2
    found.sort(key=lambda each: each[0])
    assert [each[:2] for each in found] == [each[:2] for each in alone]
    for (_, _, logits), (_, _, expected) in zip(found, alone, strict=True):
        assert torch.equal(logits, expected)


def test_in_bf16(monkeypatch):
    model = model_of(packed_network("llama", dtype=torch.bfloat16))
    assert model.seam.dtype is torch.bfloat16
    assert check_alike(model, "", [40], monkeypatch) >= STEPS - 1


@pytest.mark.parametrize(
    ("plan", "all_layers"),
    [
        ("positions=yarn(factor=2)", True),
        ("positions=dynamic-ntk", False),  # keys are stored before their rotation
        ("policy=knorm(budget=20,when=end)", True),
        ("policy=streamingllm(budget=20,when=chunk)", False),  # keys stand where they lie
        ("policy=h2o(budget=20)", True),
        ("selector=quest(budget=16,page=4)", True),
        ("selector=retrieve(budget=0.3,sinks=3,local=5,dense=1,digest=mean)", True),
        ("selector=tokenselect(budget=16,sinks=4,local=8)", True),
        ("policy=adakv(budget=40,window=8,when=end)", True),
        ("policy=snapkv(budget=40,window=8,when=end) selector=quest(budget=16,page=4)", True),
        ("selector=quest(budget=16,page=4) codec=int8", False),
        ("codec=int8", False),
        ("pattern=a-shape(sinks=4,window=8)", True),
    ],
)
def test_plans(plan, all_layers, monkeypatch):
    model = tiny_model("packed llama")
    taken = check_alike(model, plan, [60, 44], monkeypatch)
    assert (taken > 0) is all_layers


def test_forks_and_marks_go_on_as_the_first_did(monkeypatch):
    model = tiny_model("packed llama")
    with model.session() as session:
        session.read(tokens(40))
        first = list(session.generate(max_new_tokens=5))
        marks, twin = session.mark(), session.fork()
        expected = [step.token for step in session.generate(max_new_tokens=12)]
        assert [step.token for step in twin.generate(max_new_tokens=12)] == expected
        session.rewind(marks)
        assert [step.token for step in session.generate(max_new_tokens=12)] == expected
        with Session.together([session, twin]) as both:
            pairs = list(both.generate(max_new_tokens=6))
        assert len(first) == 5
        ones, others = ([step.token for step in pairs if step.sequence == number] for number in (0, 1))
        assert len(ones) == len(others) == 6


@pytest.mark.parametrize("family", ["packed llama", "packed mistral", "packed qwen3"])
@pytest.mark.parametrize("plan", ["", "policy=knorm(budget=20,when=end)", "codec=int8"])
def test_drafts_are_what_single_tokens_are_to_the_bit(family, plan):
    check_drafts(plan, family, rounding=0.0, read=47, say=9, seed=3)


def test_drafts_beside_single_tokens(monkeypatch):
    model = tiny_model("packed llama")
    ids = [tokens(40, seed).tolist() for seed in range(3)]
    expected = []
    for each in ids:
        with model.session() as session:
            session.read(each)
            expected.append([step.token for step in session.generate(max_new_tokens=12)])
    engine, ledger = engine_of("", "packed llama"), Ledger()
    runner, sequences = Runner(engine.seam), [fresh(engine, ledger) for _ in ids]
    for number, (sequence, each, said) in enumerate(zip(sequences, ids, expected, strict=True)):
        request = done(sequence, runner, each)
        while not request.finished:
            runner.step()
        told = Told(text=[*each, *said], seed=number, size=5)
        drafting = Drafting(told) if number else None
        runner.add(Request(sequence=sequence, reading=False, speaker=speaker(12), drafting=drafting))
        runner.step()
    for _ in runner.run():
        pass
    assert [each.tokens[40:52] for each in sequences] == expected


def not_between_layers(*_):
    raise RuntimeError("chosen between layers")


@pytest.mark.parametrize(
    "plan", ["selector=quest(budget=16,page=4)", "selector=longheads(chunk=8,length=40)"]
)
@pytest.mark.parametrize("channels", [16, 32])
def test_pages_are_chosen_in_the_step_itself(plan, channels, monkeypatch):
    """Beside a sequence that visits everything, and one that is short."""
    model = model_of(packed_network("llama", head_dim=channels))
    engines, ledger = [Engine(model.seam, Plan.of(each)) for each in (plan, "", plan)], Ledger()
    texts, expected = [tokens(size, size).tolist() for size in (60, 50, 10)], []
    for engine, text in zip(engines, texts, strict=True):
        with model.session(engine.plan) as session:
            session.read(text)
            expected.append([step.token for step in session.generate(max_new_tokens=STEPS)])
    runner, requests = Runner(model.seam), []
    for engine, text in zip(engines, texts, strict=True):
        sequence = fresh(engine, ledger)
        request = done(sequence, runner, text)
        while not request.finished:
            runner.step()
        requests.append(Request(sequence=sequence, reading=False, speaker=speaker(STEPS)))
    monkeypatch.setattr(Retrieval, "select", not_between_layers)
    for request in requests:
        runner.add(request)
    for _ in runner.run():
        pass
    said = [each.sequence.tokens[len(text) :] for each, text in zip(requests, texts, strict=True)]
    assert said == expected


class Failing(Summary):
    """Fails once so many entries are there."""

    def __init__(self, at):
        self.at = at

    def extend(self, visit):
        if visit.entries >= self.at:
            raise ValueError("nothing to choose from")

    def select(self, visit):
        return None

    def ranking(self, entries):
        return Outlook(None, self.at)

    def tensors(self):
        return {}

    def load(self, tensors):
        pass

    @property
    def nbytes(self):
        return 0


@dataclass(frozen=True, kw_only=True)
class Fails(Selector):
    at: int = 50
    ranks: bool = False

    def summary(self):
        return Failing(self.at)


@pytest.mark.parametrize("ranks", [False, True])
def test_where_a_selector_fails_the_others_go_on(ranks):
    model = model_of(packed_network("llama"))
    with model.session() as session:
        session.read(tokens(20))
        expected = [step.token for step in session.generate(max_new_tokens=20)]
    engine, ledger = Engine(model.seam, Plan(selector=Fails(ranks=ranks))), Ledger()
    runner, sequences = Runner(engine.seam), [fresh(engine, ledger) for _ in range(2)]
    for sequence, size in zip(sequences, (20, 40), strict=True):
        request = done(sequence, runner, tokens(size).tolist())
        while not request.finished:
            runner.step()
    requests = [Request(sequence=each, reading=False, speaker=speaker(20)) for each in sequences]
    for request in requests:
        runner.add(request)
    for _ in runner.run():
        pass
    assert sequences[0].tokens[20:] == expected
    assert requests[0].error is None
    assert isinstance(requests[1].error, ValueError)

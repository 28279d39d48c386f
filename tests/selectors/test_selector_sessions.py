"""Selectors at work in sessions on tiny models."""

from functools import cache

import pytest
import torch
from test_selectors_all import SMALL, WHOLE

from tiny import tiny_model, tokens


@cache
def logits(family, plan, count, split=100):
    ids = tokens(count)
    with tiny_model(family).session(plan, chunk=48) as session:
        session.read(ids[:split])
        return torch.cat([session.logits([token]) for token in ids[split:].tolist()])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("selector", WHOLE)
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_a_full_budget_is_the_empty_plan_exactly(family, selector):
    assert torch.equal(logits(family, f"selector={selector}", 110), logits(family, "", 110))


@pytest.mark.parametrize("selector", SMALL)
def test_a_small_budget_changes_what_is_seen(selector):
    found = logits("llama", f"selector={selector}", 160, 150)
    assert bool(torch.isfinite(found).all())
    if not selector.startswith("round"):  # this text is a single round
        assert not torch.equal(found, logits("llama", "", 160, 150))


OTHERS = ("policy=snapkv(budget=80,window=8,when=chunk,allocator=adakv)", "codec=int8")


@pytest.mark.parametrize(
    ("selector", "other"), [(each, OTHERS[number % 2]) for number, each in enumerate(SMALL)]
)
def test_policies_and_codecs_go_with_it(selector, other):
    with tiny_model().session(f"selector={selector} {other}", chunk=48, size=2) as session:
        session.read([tokens(150), tokens(70, seed=1)])
        assert len(list(session.generate(max_new_tokens=6))) >= 6


@pytest.mark.parametrize("selector", SMALL)
def test_a_fork_goes_on_alike(selector):
    model, ids = tiny_model(), tokens(163)
    with model.session(f"selector={selector}", chunk=48) as session:
        session.read(ids[:150])
        for token in ids[150:156].tolist():
            session.logits([token])
        with session.fork() as twin:
            for token in ids[156:].tolist():
                assert torch.equal(session.logits([token]), twin.logits([token]))

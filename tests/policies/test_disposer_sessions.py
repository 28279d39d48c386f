"""Disposers at work in sessions on tiny models."""

from functools import cache

import pytest
import torch
from torch.testing import assert_close

from longspan.session import Session
from tiny import tiny_model, tokens

MERGERS = [
    "merge",
    "merge(threshold=-1)",
    "look-m(merge=averaged)",
    "look-m",
    "look-m(merge=weighted)",
    "kvmerger(threshold=0.1)",
    "cam(merge_budget=8)",
    "cam(merge_budget=8,normalized=false)",
    "ems(threshold=0.1)",
]
APART = ["quantize(codec=int8)", "quantize", "move", "move(to=disk)"]
OVER = {"quantize": 31}
"""What does not fill a block stays: most entries of a row beyond its budget."""


def snapkv(disposer: str, when: str = "end", budget: str = "40") -> str:
    return f"policy=snapkv(budget={budget},window=8,kernel=3,when={when},disposer={disposer})"


def lengths(session: Session, family: str, sequence: int = 0) -> list[list[int]]:
    """Entries of each row of the layers without a window."""
    layers = session.sequences[sequence].layers
    facts = tiny_model(family).seam.layers
    return [layer.store.lengths for layer, fact in zip(layers, facts, strict=True) if fact.window is None]


@cache
def after(plan: str, family: str = "llama", count: int = 160) -> torch.Tensor:
    """Logits of five tokens after a text that was read under the plan."""
    with tiny_model(family).session(plan, chunk=32) as session:
        session.read(tokens(count))
        return session.logits(tokens(5, seed=1))


@pytest.mark.parametrize("disposer", [*MERGERS, *APART])
def test_sessions_stay_within_their_budget(disposer):
    with tiny_model("qwen3").session(snapkv(disposer, "chunk"), chunk=64) as session:
        session.read(tokens(160))
        rows = [length for layer in lengths(session, "qwen3") for length in layer]
        assert all(40 <= length <= 40 + OVER.get(disposer, 0) for length in rows)
        assert len([step.token for step in session.generate(max_new_tokens=5)]) > 0
        assert session.logits(tokens(5, seed=1)).isfinite().all()


@pytest.mark.parametrize("disposer", ["merge", "quantize"])
def test_a_full_budget_is_the_empty_plan_exactly(disposer):
    assert torch.equal(after(snapkv(disposer, "chunk", "1.0")), after(""))


@pytest.mark.parametrize("disposer", MERGERS)
def test_what_is_merged_is_heard_and_the_same_every_time(disposer):
    merged = after(snapkv(disposer))
    assert not torch.allclose(merged, after(snapkv("drop")), atol=1e-4)
    assert torch.equal(merged, after.__wrapped__(snapkv(disposer)))


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize("disposer", APART)
def test_what_is_demoted_is_still_there(disposer, when):
    full, dropped = after(""), after(snapkv("drop", when))
    allowed = 0.5 if disposer.startswith("quantize") else 1e-5
    assert (after(snapkv(disposer, when)) - full).norm() < allowed * (dropped - full).norm()


@pytest.mark.parametrize(
    ("policy", "more", "disposer"),
    [
        ("adakv(budget=40,window=8", "", "merge"),
        ("adakv(budget=40,window=8", "", "move"),
        ("h2o(budget=40", "", "kvmerger(threshold=0.1)"),
        ("streamingllm(budget=40", "", "merge"),
        ("snapkv(budget=40,window=8", "codec=int8", "move"),
        ("snapkv(budget=40,window=8", "codec=kivi(group_size=8,residual_length=8)", "merge"),
        ("snapkv(budget=40,window=8", "codec=kivi(group_size=8,residual_length=8)", "move"),
        (
            "snapkv(budget=40,window=8",
            "positions=self-extend(group=2,neighbour=16)",
            "kvmerger(threshold=0.1)",
        ),
        ("snapkv(budget=40,window=8", "positions=self-extend(group=2,neighbour=16)", "move"),
        ("snapkv(budget=40,window=8", "selector=quest(budget=16,page=4,dense=0)", "merge"),
    ],
)
def test_other_parts_go_with_it(policy, more, disposer):
    with tiny_model().session(f"policy={policy},when=chunk,disposer={disposer}) {more}", chunk=64) as session:
        session.read(tokens(160))
        assert all(sum(layer) == 80 for layer in lengths(session, "llama"))
        assert len([step.token for step in session.generate(max_new_tokens=20)]) > 0
        assert session.logits(tokens(5, seed=1)).isfinite().all()


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_ems_keeps_its_window_and_its_budget(family, when):
    with tiny_model(family).session(f"policy=ems(budget=40,window=8,when={when})", chunk=64) as session:
        session.read(tokens(160))
        assert all(layer == [40, 40] for layer in lengths(session, family))
        for layer, facts in zip(session.sequences[0].layers, tiny_model(family).seam.layers, strict=True):
            if facts.window is None:
                assert layer.store.positions()[:, -8:].tolist() == [list(range(152, 160))] * 2
        assert session.logits(tokens(5, seed=1)).isfinite().all()


def test_sequences_of_a_batch_are_merged_as_if_alone():
    """Draws too."""
    plan = "policy=ems(budget=24,window=8,disposer=cam(merge_budget=4))"
    texts = [tokens(count, seed=count) for count in (100, 40, 70)]
    with tiny_model().session(plan, size=3, chunk=64) as together:
        together.read(texts)
        for number, text in enumerate(texts):
            with tiny_model().session(plan, chunk=64) as session:
                session.read(text)
                pairs = zip(session.sequences[0].layers, together.sequences[number].layers, strict=True)
                for alone, among in pairs:
                    for one, other in zip(alone.store.vectors(), among.store.vectors(), strict=True):
                        assert_close(one, other, atol=1e-4, rtol=0)

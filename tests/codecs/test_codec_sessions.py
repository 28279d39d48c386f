"""What a session sees of each codec: what stays exact, how near the rest is, and what it takes, to the byte."""

import pytest
import torch

from longspan.kernels.decoding import suits
from longspan.store.group import Group
from tiny import headed, stock_logits, tiny_model, tokens

COUNT = 160
SMALL = {
    "int4": 0.12,
    "kivi(group_size=8,residual_length=16)": 0.5,
    "kivi(bits=4,group_size=8,residual_length=16)": 0.1,
    "million(nbits=4,residual_length=16)": 0.5,
    "think(window=8,recent_size=16)": 0.4,
    "low-rank(rank=8,recent=16)": 0.5,
    "low-rank(rank=1.0,recent=16)": 1e-4,
    "think(ratio=0,window=8,recent_size=16)": 1e-4,
    "host": 1e-4,
    "host(codec=int8,recent=16)": 0.02,
    "mapped": 1e-4,
    "mapped(codec=int8)": 0.02,
    "mapped(codec=million(nbits=4,residual_length=16))": 0.5,
}
"""Each codec, and how far its logits may lie from the stock model's, relative to their norm."""

compiled = pytest.mark.skipif(
    not suits(torch.float32, torch.device("cpu")), reason="there is no compiler for the processor at hand"
)
each = pytest.mark.parametrize(("codec", "most"), SMALL.items(), ids=SMALL)


def far(logits, stock):
    return float((logits - stock).norm() / stock.norm())


@each
def test_what_is_read_at_once_attends_to_itself_as_it_is(codec, most):
    model, ids = tiny_model(), tokens(COUNT)
    with model.session(f"codec={codec}") as session:
        assert far(session.logits(ids), stock_logits(model.network, ids)) < 1e-5


@each
@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_what_was_stored_before_is_near_to_what_it_was(codec, most, family):
    model, ids = tiny_model(family), tokens(COUNT)
    stock = stock_logits(model.network, ids)
    with model.session(f"codec={codec}", chunk=80) as session:
        session.read(ids[:80])
        difference = far(session.logits(ids[80:]), stock[80:])
    assert difference < most
    if most > 1e-3:
        assert difference > 1e-5


@each
def test_generated_tokens_look_back_at_what_is_stored(codec, most):
    model, ids = tiny_model(), tokens(COUNT)
    with model.session(f"codec={codec}", chunk=64) as session:
        session.read(ids)
        with headed(model.network) as rows:
            said = [step.token for step in session.generate(max_new_tokens=25)]
    assert len(rows) == len(said) - 1
    stock = stock_logits(model.network, torch.cat((ids, torch.tensor(said[:-1]))))[COUNT:]
    assert far(torch.stack(rows), stock) < most


@compiled
@pytest.mark.parametrize(
    ("plan", "family"),
    [
        ("codec=int8", "llama"),
        ("codec=int8", "gemma3_text"),
        ("codec=int4(group_size=4)", "llama"),
        ("codec=kivi(group_size=8,residual_length=16)", "gemma3_text"),
        ("codec=kivi(bits=4,group_size=8,residual_length=16)", "llama"),
        ("codec=mapped(codec=int8)", "gemma3_text"),
        ("codec=host(codec=int4,recent=16)", "llama"),
        ("codec=int8 policy=h2o(budget=64)", "gemma3_text"),
        ("codec=kivi(group_size=8,residual_length=16) policy=h2o(budget=64)", "llama"),
        (
            "codec=kivi(group_size=8,residual_length=16) selector=quest(budget=32,page=4,dense=0)",
            "gemma3_text",
        ),
    ],
)
def test_generated_tokens_read_entries_in_the_form_in_which_they_are_stored(plan, family, monkeypatch):
    def run():
        with model.session(plan, chunk=64) as session:
            session.read(ids)
            with headed(model.network) as rows, monkeypatch.context() as patch:
                if not decoded:
                    patch.setattr(
                        Group, "keys", None if "policy" not in plan and "quest" not in plan else Group.keys
                    )
                    patch.setattr(Group, "gather", None)
                list(session.generate(max_new_tokens=8))
        return torch.stack(rows)

    model, ids = tiny_model(family), tokens(COUNT)
    decoded = False
    in_place = run()
    monkeypatch.setattr("longspan.running.layer_attention.attend_in_place", lambda *rest, **more: None)
    decoded = True
    assert far(in_place, run()) < 1e-5


@pytest.mark.parametrize("codec", ["kivi", "kivi(bits=4)", "think(recent_size=200)", "host(recent=200)"])
def test_the_recent_window_is_exact(codec):
    model, ids = tiny_model(), tokens(128)
    with model.session(chunk=16) as session:
        plain = session.logits(ids)
    with model.session(f"codec={codec}", chunk=16) as session:
        assert torch.equal(session.logits(ids), plain)


@pytest.mark.parametrize("codec", ["million", "low-rank"])
def test_the_recent_window_is_exact_up_to_where_its_keys_are_rotated(codec):
    model, ids = tiny_model(), tokens(128)
    with model.session(f"codec={codec}", chunk=16) as session:
        assert far(session.logits(ids), stock_logits(model.network, ids)) < 1e-5


# 3 layers of 2 KV heads with 16 channels, in fp32; 16 recent entries, COUNT - 16 encoded ones.
PLAIN = 2 * 16 * 4


@pytest.mark.parametrize(
    ("codec", "encoded", "recent", "learned"),
    [
        ("int4", 2 * (8 + 4), 0, 0),
        ("int4(group_size=8)", 2 * (8 + 8), 0, 0),
        ("kivi(group_size=8,residual_length=16)", (4 + 8) + (4 + 8), 16, 0),
        ("kivi(bits=4,group_size=16,residual_length=16)", (8 + 4) + (8 + 4), 16, 0),
        ("million(nbits=4,residual_length=16)", 4 + 4, 16, 2 * 16 * 16 * 4),
        ("think(window=8,recent_size=16)", (10 + 16) * 4, 16, 2 * 16),
        ("low-rank(rank=5,recent=16)", (5 + 16) * 4, 16, 2 * 5 * 16 * 4),
        ("host(codec=int8,recent=16)", 2 * 18, 16, 0),
        ("mapped", 0, 0, 0),
        ("mapped(codec=million(nbits=4,residual_length=16))", 0, 16, 2 * 16 * 16 * 4),
    ],
)
@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_a_session_holds_what_is_counted_by_hand(codec, encoded, recent, learned, family):
    with tiny_model(family).session(f"codec={codec}") as session:
        session.read(tokens(COUNT))
        entries = (COUNT - recent) * encoded + recent * PLAIN
        assert session.usage.kv_bytes == 3 * (2 * entries + learned)


def test_a_fork_goes_its_own_way_with_the_same_codebooks():
    ids = tokens(COUNT)
    with tiny_model().session("codec=million(nbits=4,residual_length=16)", chunk=64) as session:
        session.read(ids)
        with session.fork() as twin:
            one, other = session.logits(tokens(9, seed=1)), twin.logits(tokens(9, seed=1))
    assert torch.equal(one, other)

"""What a position scheme may ask of the engine: to be fitted, to grow, to scale queries, to count by rank."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch.testing import assert_close

from longspan.errors import WindowExceeded
from longspan.plan import Plan
from longspan.positions.base import Piece, Positions
from longspan.positions.pi import PI
from longspan.positions.stretch import Stretch
from tiny import WINDOW, model_of, stock_logits, tiny_model, tiny_network, tokens

TIGHT = {"atol": 2e-5, "rtol": 1e-4}


def logits(model, plan, ids, *, chunk=2048, window=None):
    with model.session(plan, chunk=chunk, window=window) as session:
        return session.logits(ids)


@dataclass(frozen=True, kw_only=True)
class Doubled(Positions):
    """All scores doubled, but for the first layers."""

    skipped: int = 0

    def query_scale(self, queries, layer, rope):
        return None if layer < self.skipped else torch.full(queries.shape, 2.0)


@pytest.mark.parametrize("skipped", [0, 2])
@pytest.mark.parametrize("chunk", [2048, 16])
def test_tempering_is_another_scale(skipped, chunk):
    network, ids = tiny_network("llama"), tokens(50)
    found = logits(tiny_model(), Plan(positions=Doubled(skipped=skipped)), ids, chunk=chunk)
    for number, layer in enumerate(network.model.layers):
        if number >= skipped:
            layer.self_attn.scaling *= 2
    assert_close(found, stock_logits(network, ids), **TIGHT)


@dataclass(frozen=True, kw_only=True)
class ByPair(Positions):
    """The stock positions, said for every pair of channels; every other pair `times` as far."""

    times: int = 1

    def pieces(self, queries, rope):
        return [Piece(self._spread(queries, rope), self.key_map(rope), queries * 0, queries + 1)]

    def key_map(self, rope):
        return lambda positions: self._spread(positions, rope)

    def _spread(self, positions, rope):
        factors = torch.ones(len(rope.inv_freq), dtype=torch.long)
        factors[::2] = self.times
        return positions[..., None] * factors


@dataclass(frozen=True, kw_only=True)
class Faster(Positions):
    """Every other pair with a higher frequency."""

    times: int

    def rope(self, rope):
        frequencies = rope.inv_freq.clone()
        frequencies[::2] *= self.times
        return rope.with_(inv_freq=frequencies)


@pytest.mark.parametrize("family", ["llama", "glm"])
@pytest.mark.parametrize(
    "plan",
    ["", "policy=streamingllm(budget=24,sinks=4,when=chunk)", "codec=kivi(group_size=8,residual_length=8)"],
)
def test_each_pair_of_channels_may_have_its_positions(family, plan):
    ids, model = tokens(60), tiny_model(family)
    others = Plan.of(plan).parts
    found = logits(model, Plan(positions=ByPair(times=3), **others), ids, chunk=16)
    assert_close(found, logits(model, Plan(positions=Faster(times=3), **others), ids, chunk=16), **TIGHT)


@pytest.mark.parametrize("chunk", [2048, 100])
def test_a_factor_is_taken_from_what_is_read_first(chunk):
    model, ids = tiny_model(), tokens(3 * WINDOW - 1024)
    with model.session("positions=pi", chunk=chunk) as session:
        session.read(ids)
        assert session.window == 3 * WINDOW
        found = session.next_logits
        session.read(tokens(1024))
        with pytest.raises(WindowExceeded, match="1,537"):
            session.read([5])
    with model.session(Plan(positions=PI(factor=3)), chunk=chunk) as session:
        assert torch.equal(session.read(ids).next_logits, found)


def test_a_given_window_says_the_factor():
    model, ids = tiny_model(), tokens(40)
    found = logits(model, "positions=pi", ids, window=4 * WINDOW)
    assert torch.equal(found, logits(model, Plan(positions=PI(factor=4)), ids))


def test_a_text_within_the_window_is_read_as_it_is():
    ids = tokens(40)
    assert torch.equal(
        logits(tiny_model(), "positions=yarn", ids, window=WINDOW), logits(tiny_model(), "", ids)
    )


def test_each_sequence_is_fitted_to_its_own_text():
    model, lengths = tiny_model(), (600, 60)
    with model.session("positions=pi", size=2) as session:
        session.read([tokens(count) for count in lengths])
        drawn = [step.token for step in session.generate(max_new_tokens=1)]
    for count, token in zip(lengths, drawn, strict=True):
        with model.session(Plan(positions=PI(factor=max(1.0, (count + 1024) / WINDOW)))) as session:
            assert token == int(session.read(tokens(count)).next_logits.argmax())


@dataclass(frozen=True, kw_only=True)
class Growing(Stretch):
    """PI whose factor grows with the text."""

    dynamic: ClassVar[bool] = True

    def rope(self, rope):
        return rope.with_(inv_freq=rope.inv_freq / self.scale)


def test_frequencies_that_grow_reach_keys_that_are_stored():
    """With one layer, what was read before depends on nothing but its tokens."""
    model, ids = model_of(tiny_network("llama", num_hidden_layers=1)), tokens(2 * WINDOW)
    expected = logits(model, Plan(positions=PI(factor=2)), ids)[-1]
    assert_close(logits(model, Plan(positions=Growing()), ids, chunk=100)[-1], expected, **TIGHT)


@dataclass(frozen=True, kw_only=True)
class Ranked(Positions):
    """Keys stand where they lie in the cache."""

    by_rank: ClassVar[bool] = True

    def window(self, trained):
        return None


@pytest.mark.parametrize("chunk", [2048, 16])
def test_without_gaps_ranks_are_positions(chunk):
    ids = tokens(90)
    expected = logits(tiny_model(), "", ids)
    assert_close(logits(tiny_model(), Plan(positions=Ranked()), ids, chunk=chunk), expected, **TIGHT)


@pytest.mark.parametrize(
    "others",
    [
        {"policy": "streamingllm(budget=24,sinks=4,when=end)"},
        {"policy": "streamingllm(budget=24,sinks=4,when=end)", "codec": "int8"},
        {
            "policy": "streamingllm(budget=24,sinks=4,when=end)",
            "codec": "kivi(bits=4,group_size=4,residual_length=4)",
        },
    ],
    ids=str,
)
def test_kept_entries_stand_side_by_side(others):
    """With one layer, a session that forgot the middle goes on as if it had never been there."""
    model, ids = model_of(tiny_network("llama", num_hidden_layers=1)), tokens(100).tolist()
    plan = Plan(positions=Ranked(), **others)
    kept = [*ids[:4], *ids[80:]]
    with model.session(plan) as session, model.session(Plan(codec=plan.codec)) as short:
        session.read(ids)
        short.read(kept)
        close = TIGHT if plan.codec is None else {"atol": 0.2, "rtol": 0.0}
        for token in tokens(5, seed=1).tolist():
            assert_close(session.logits([token]), short.logits([token]), **close)

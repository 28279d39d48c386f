"""DPRoPE against loops over positions and intervals."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.positions.dprope import DPRoPE
from ropes import network_turning, stock_rope
from tiny import stock_logits, tiny_model, tokens


def angles(frequency: float, count: int, intervals: int) -> list[float]:
    """How often the angle lies in each interval of the circle."""
    counts = [2.0**-14] * intervals
    for position in range(count):
        counts[math.floor(position * frequency % (2 * math.pi) * intervals / (2 * math.pi))] += 1
    return [each / count for each in counts]


def disturbances(own: float, short: float, window: int, target: int, intervals: int) -> tuple[float, float]:
    """KL(trained ‖ stretched) of the pair's own frequency and of the divided one."""
    trained, found = angles(own, window, intervals), []
    for frequency in (own, short):
        stretched = angles(frequency, target, intervals)
        found.append(sum(p * math.log(p / q) for p, q in zip(trained, stretched, strict=True)))
    return found[0], found[1]


@settings(max_examples=15)
@given(
    st.sampled_from([8, 16]),
    st.sampled_from([1e2, 1e4]),
    st.integers(20, 300),
    st.sampled_from([1.0, 1.5, 2.0, 3.7]),
    st.sampled_from([360, 37]),
    st.sampled_from([0.0, 0.05]),
)
def test_it_is_its_loops(dim, base, window, factor, intervals, threshold):
    rope = stock_rope(dim, base, window)
    chosen = DPRoPE(factor=factor, intervals=intervals, threshold=threshold).rope(rope)
    divided = rope.inv_freq / factor
    for own, short, got in zip(
        *(each.tolist() for each in (rope.inv_freq, divided, chosen.inv_freq)), strict=True
    ):
        kept, pressed = disturbances(own, short, window, round(window * factor), intervals)
        if abs(kept - pressed - threshold) > 1e-9:
            assert got == (short if kept > pressed + threshold else own)
        else:
            assert got in (own, short)
    assert chosen.magnitude == 1.0


def test_llama_2_at_16k():
    """A pair that turns less than once while it is trained is divided; with a threshold, no other is."""
    rope = stock_rope(128, 1e4, 4096)
    slow = rope.inv_freq * 4096 < 2 * math.pi
    bare, firm = (DPRoPE(factor=4, threshold=each).rope(rope).inv_freq < rope.inv_freq for each in (0, 0.1))
    assert int(slow.sum()) == 18
    assert torch.equal(firm, slow)
    assert bool(bare[slow].all())
    assert 0 < int(bare[~slow].sum()) < int((~slow).sum())


@pytest.mark.parametrize("chunk", [64, 2048])
def test_logits_are_those_of_a_model_with_these_frequencies(chunk):
    model, ids = tiny_model(), tokens(600)
    rope = stock_rope(16, 1e4, 512)
    inv_freq = DPRoPE(factor=4).rope(rope).inv_freq
    assert not torch.equal(inv_freq, rope.inv_freq)
    assert not torch.equal(inv_freq, rope.inv_freq / 4)
    expected = stock_logits(network_turning(inv_freq.tolist()), ids)
    with model.session("positions=dprope(factor=4)", chunk=chunk) as session:
        assert session.window == 2048
        torch.testing.assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_pairs_that_do_not_turn_stay_so():
    rope = stock_rope(16, 1e4, 512)
    rope = rope.with_(inv_freq=torch.cat((rope.inv_freq, torch.zeros(2))))
    assert DPRoPE(factor=2).rope(rope).inv_freq[-2:].tolist() == [0.0, 0.0]
    assert DPRoPE(factor=2).rope(rope.with_(inv_freq=torch.empty(0))).inv_freq.shape == (0,)
    with pytest.raises(ValueError, match="intervals=1 is outside 2"):
        DPRoPE(intervals=1)

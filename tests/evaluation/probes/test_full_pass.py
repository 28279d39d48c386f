"""The weights of the last queries are those that the model itself computes."""

import pytest
import torch
from stock_attention import stock_attention

from longspan.errors import UnsupportedModel, WindowExceeded
from longspan.evaluation.probes.full_pass import FullPass
from longspan.plan import Plan
from tiny import tiny_model, tokens


@pytest.mark.parametrize("chunk", [17, 32, 2048])
@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma2", "cohere"])
def test_the_weights_are_the_stock_models(family, chunk):
    ids = tokens(90).tolist()
    stock = stock_attention(ids, family)
    full = FullPass(tiny_model(family), ids, Plan(), queries=9, chunk=chunk)
    windowed = {"gemma2": [0, 2]}.get(family, [])
    assert full.layers == [layer for layer in range(3) if layer not in windowed]
    for layer in full.layers:
        torch.testing.assert_close(full.weights(layer), stock[layer, :, -9:], atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("plan", ["positions=self-extend(group=4,neighbour=64)", "positions=pi(factor=1)"])
def test_positions_that_change_nothing_change_no_weight(plan):
    """Self-Extend is two pieces, but within its window only the first one counts."""
    ids = tokens(50).tolist()
    stock = stock_attention(ids)
    full = FullPass(tiny_model(), ids, Plan.of(plan), queries=5, chunk=16)
    for layer in full.layers:
        torch.testing.assert_close(full.weights(layer), stock[layer, :, -5:], atol=2e-6, rtol=1e-4)


def test_pieces_meet_under_one_softmax():
    """Near keys are in proportion to the stock model's, far ones differ, and all of them share one sum."""
    ids = tokens(120).tolist()
    plan = Plan.of("positions=self-extend(group=4,neighbour=32)")
    full = FullPass(tiny_model(), ids, plan, queries=8, chunk=50)
    stock = stock_attention(ids)
    weights = full.weights(0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 8))
    assert (weights[:, 0, -7:] == 0).all()  # keys after the query
    assert not torch.allclose(weights, stock[0, :, -8:], atol=1e-4)
    inside = slice(120 - 8 - 20, 120 - 8)  # closer than the window, scores are the stock ones
    ratio = weights[:, 0, inside] / stock[0, :, -8, inside]
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio), atol=1e-3, rtol=1e-3)


def test_a_model_that_sees_only_windows_is_refused():
    with pytest.raises(UnsupportedModel, match="sliding window"):
        FullPass(tiny_model("mistral"), [5, 6, 7], Plan(), queries=1)


@pytest.mark.parametrize(
    ("options", "fault"), [({"queries": 0}, "1 .. 3"), ({"queries": 4}, "1 .. 3"), ({"chunk": 0}, "chunk=0")]
)
def test_numbers_out_of_range(options, fault):
    with pytest.raises(ValueError, match=fault):
        FullPass(tiny_model(), [5, 6, 7], Plan(), **{"queries": 1, **options})


def test_more_than_the_window_is_refused():
    with pytest.raises(WindowExceeded, match="positions="):
        FullPass(tiny_model(), [5] * 513, Plan(), queries=1)

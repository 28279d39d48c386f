"""What a view says of many queries, against the weights that it gives of a few."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from passage import Passage
from test_tracked import chosen
from torch.testing import assert_close

EXACT = {"rtol": 1e-5, "atol": 1e-7}


@st.composite
def views(draw):
    """All queries of a text of which some entries are left, after which a few more tokens were read."""
    passage = Passage(
        None, draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 7])), seed=draw(st.integers(0, 99))
    )
    passage.read(draw(st.integers(1, 60)))
    passage.keep(draw(chosen(map(len, passage.rows), least=1)))
    more = draw(st.integers(1, 20))
    passage.read(more)
    view = passage.view(observed=more)
    facts = {
        "softcap": draw(st.sampled_from([None, 1.5])),
        "sinks": draw(st.sampled_from([None, torch.linspace(-2, 2, len(view.queries))])),
    }
    if draw(st.booleans()):
        facts |= {"queries": view.queries.bfloat16(), "keys": view.keys.bfloat16()}
    return passage.view(observed=more, **facts)


@given(views())
def test_received_is_the_sum_of_all_weights(view):
    weights = view.attention()
    assert_close(view.received(), weights.sum(2).mean(1), **EXACT)
    factors = torch.rand(len(view.keys), view.queries.shape[1], generator=torch.Generator().manual_seed(1))
    assert_close(view.received(factors), (weights * factors[:, None, :, None]).sum(2).mean(1), **EXACT)


@given(views())
def test_strongest_is_the_largest_of_all_weights(view):
    assert_close(view.strongest(), view.attention().amax((1, 2)), **EXACT)


@given(views())
def test_weights_are_a_softmax_over_entries_and_sink(view):
    weights, softmax = view.attention(), view.scene.softmax
    for head, query in enumerate(view.queries.float()):
        row, member = divmod(head, view.group)
        keys, places = view.keys[row].float(), view.positions[row]
        for number, at in enumerate(view.query_positions.tolist()):
            seen = [entry for entry in range(view.lengths[row]) if int(places[entry]) <= at]
            scores = keys[seen] @ query[number] * softmax.scale
            if softmax.softcap is not None:
                scores = softmax.softcap * torch.tanh(scores / softmax.softcap)
            if softmax.sinks is not None:
                scores = torch.cat((scores, softmax.sinks[head : head + 1]))
            assert_close(weights[row, member, number, seen], scores.softmax(0)[: len(seen)], **EXACT)


@pytest.mark.parametrize("row", [0, 1])
def test_a_row_without_entries_receives_nothing(row):
    passage = Passage(None, 2, 2)
    passage.read(9)
    lengths = [9, 9]
    lengths[row] = 0
    view = passage.view(observed=4, lengths=lengths)
    for numbers in (view.received(), view.strongest()):
        assert not numbers[row].any()
        assert numbers[1 - row].all()

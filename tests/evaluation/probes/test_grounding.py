"""The Semantic Grounding Index is a ratio of angles."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import WindowExceeded
from longspan.evaluation.probes import embedder, grounding
from tiny import tiny_model, tiny_tokenizer


def at(degrees, length=1.0):
    return [length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))]


def found(question, context, answer):
    return grounding(
        "question", "context", "answer", {"question": question, "context": context, "answer": answer}.get
    )


def test_the_ratio_of_angles():
    result = found(at(0), at(90, 7.0), at(60, 0.1))
    assert result.to_question == pytest.approx(math.radians(60))
    assert result.to_context == pytest.approx(math.radians(30))
    assert result.sgi == pytest.approx(2)
    assert result.bounds == pytest.approx((2, 4))
    assert found(at(0), at(90), at(30)).sgi == pytest.approx(0.5)


def test_a_small_angle_is_not_lost():
    assert found(at(0), at(1), at(1e-6)).to_question == pytest.approx(math.radians(1e-6), rel=1e-6)


vectors = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: math.hypot(*v) > 1e-3)


@given(vectors, vectors, vectors)
def test_the_triangle_inequality_bounds_it(question, context, answer):
    result = found(question, context, answer)
    assert all(0 <= angle <= math.pi + 1e-9 for angle in (result.to_question, result.to_context))
    if result.to_context > 1e-4:
        low, high = result.bounds
        assert low - 1e-6 <= result.sgi <= high + 1e-6


def test_an_answer_where_the_context_is():
    result = found(at(0), at(90), at(90))
    assert result.sgi == math.inf
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["sgi"] is None
    assert found(at(0), at(90), at(0)).sgi == 0


@pytest.mark.parametrize("vector", [[0.0, 0.0], [math.nan, 1.0], [[1.0, 2.0]]])
def test_a_vector_without_direction_is_refused(vector):
    with pytest.raises(ValueError, match="for the answer; allowed is"):
        found(at(0), at(90), vector)


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match="answer is empty"):
        grounding("a", "b", " ", lambda text: [1.0])


@pytest.mark.parametrize("chunk", [7, 2048])
@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_a_model_embeds_by_the_mean_of_its_last_states(family, chunk):
    model, text = tiny_model(family), "The trawler was the Corrie Jane."
    ids = torch.tensor([tiny_tokenizer()(text)["input_ids"]])
    hooks = dict(model.network.base_model._forward_hooks)
    with torch.no_grad():
        expected = model.network.base_model(ids).last_hidden_state[0].mean(0)
    vector = embedder(model, chunk=chunk)(text)
    torch.testing.assert_close(torch.tensor(vector), expected, atol=1e-4, rtol=1e-4)
    assert dict(model.network.base_model._forward_hooks) == hooks


def test_the_hook_goes_also_when_the_text_is_too_long():
    model = tiny_model()
    hooks = dict(model.network.base_model._forward_hooks)
    with pytest.raises(WindowExceeded):
        embedder(model)("x" * 600)
    assert dict(model.network.base_model._forward_hooks) == hooks

"""Every scheme with a factor, made for the length of a text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan import parts, registry
from longspan.running.generation import ANSWER_TOKENS
from ropes import stock_rope
from tiny import WINDOW, tiny_model, tokens

TUNED = {
    "abf": "the model was tuned with the larger base, whatever the length",
    "entropy-abf": "the same",
    "giraffe": "the model was tuned with the truncated basis, whatever the length",
}
"""Schemes that change frequencies within the trained window too, and why."""


def schemes() -> dict[str, type]:
    """By name, all that have a factor and need no other parameter."""
    found = {}
    for card in registry.cards("positions"):
        cls = registry.find("positions", card.name)
        known = {each.name: each for each in parts.parameters(cls)}
        if "factor" in known:
            found[card.name] = cls
            assert not any(each.required for each in known.values()), card.name
    return found


SCHEMES = schemes()


def test_they_are_all_here():
    assert set(SCHEMES) >= {"pi", "ntk", "dynamic-ntk", "ntk-by-parts", "yarn", "dprope", *TUNED}


@pytest.mark.parametrize("name", SCHEMES)
@given(st.integers(1, 512), st.sampled_from([16, 64]))
def test_within_the_window_frequencies_are_the_models_own(name, length, channels):
    rope = stock_rope(channels, 1e4, 512).with_(magnitude=1.25)
    scheme = SCHEMES[name]().fitted(length, 512)
    fitted = scheme.rope(rope)
    assert torch.equal(fitted.inv_freq, rope.inv_freq) == (name not in TUNED)
    assert fitted.magnitude == rope.magnitude
    query_scale = scheme.query_scale(torch.arange(length), 5, rope)
    assert query_scale is None or bool((query_scale == 1).all())


@pytest.mark.parametrize("name", SCHEMES)
@given(st.integers(1, 10**7), st.sampled_from([100, 512, 2048, 4097, 131_072]))
def test_the_window_reaches_the_end_of_the_text(name, length, trained):
    window = SCHEMES[name]().fitted(length, trained).window(trained)
    assert window is None or window >= length


@pytest.mark.parametrize("name", SCHEMES)
def test_layers_that_do_not_rotate_stay_so(name):
    rope = stock_rope(16, 1e4, 512)
    still = SCHEMES[name]().fitted(2000, 512).rope(rope.with_(inv_freq=rope.inv_freq[:0]))
    assert still.channels == 0


@pytest.mark.parametrize("name", sorted(set(SCHEMES) - {"dynamic-ntk"}))
def test_a_session_takes_the_factor_from_its_first_text(name):
    model, ids = tiny_model(), tokens(600)
    factor = (600 + ANSWER_TOKENS) / WINDOW
    with (
        model.session(f"positions={name}") as session,
        model.session(f"positions={name}(factor={factor})") as given,
    ):
        assert torch.equal(session.logits(ids), given.logits(ids))

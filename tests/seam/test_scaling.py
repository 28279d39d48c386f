"""Which window a config was trained for, and how far plans reach beyond it without stretching twice."""

import pytest
import torch

from longspan.errors import UnsupportedModel, WindowExceeded
from tiny import model_of, stock_logits, tiny_network, tokens

YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0}
SHORT = [1.05, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.0]
LONG = [1.0, 1.5, 3.0, 6.0, 12.0, 24.0, 30.0, 32.0]
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "short_factor": SHORT,
    "long_factor": LONG,
    "original_max_position_embeddings": 64,
    "factor": 32.0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
CHUNKS = {"chunk_size": 64, "local_size": 8, "original_max_position_embeddings": 64}


@pytest.mark.parametrize(
    ("changes", "window"),
    [
        ({"max_position_embeddings": 64}, 64),
        ({"max_position_embeddings": 64, "rope_parameters": YARN}, 256),
        (
            {
                "max_position_embeddings": 64,
                "rope_parameters": YARN | {"original_max_position_embeddings": 64},
            },
            256,
        ),
        (
            {
                "max_position_embeddings": 256,
                "rope_parameters": YARN | {"original_max_position_embeddings": 64},
            },
            256,
        ),
        (
            {
                "max_position_embeddings": 1010,
                "rope_parameters": YARN | {"original_max_position_embeddings": 64},
            },
            256,
        ),
        ({"max_position_embeddings": 512, "rope_parameters": LLAMA3}, 512),
        (
            {
                "max_position_embeddings": 64,
                "rope_parameters": {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0},
            },
            256,
        ),
        (
            {
                "max_position_embeddings": 64,
                "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 4.0},
            },
            256,
        ),
        ({"max_position_embeddings": 2048, "rope_parameters": LONGROPE}, 2048),
        ({"max_position_embeddings": 1010, "dual_chunk_attention_config": CHUNKS}, 64),
    ],
    ids=lambda value: (
        "" if isinstance(value, int) else value.get("rope_parameters", {}).get("rope_type", "plain")
    ),
)
def test_the_window_is_that_of_the_scaling_and_the_model_reads_it_as_stock(changes, window):
    network = tiny_network("llama", **changes)
    model, ids = model_of(network), tokens(window)
    assert model.window == window
    with model.session(chunk=window // 3) as session:
        mine, theirs = session.logits(ids), stock_logits(network, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"max_position_embeddings": 64}, "for example positions=yarn(factor=5)"),
        ({"max_position_embeddings": 64, "rope_parameters": YARN}, "for example positions=yarn(factor=2)"),
        ({"max_position_embeddings": 128, "rope_parameters": LLAMA3}, "for example positions=dca,"),
        (
            {"max_position_embeddings": 1010, "dual_chunk_attention_config": CHUNKS},
            "for example positions=dca(chunk=1,local=0.125)",
        ),
        (
            {
                "max_position_embeddings": 64,
                "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0},
            },
            "raise it with window=300,",
        ),
    ],
    ids=["plain", "yarn", "llama3", "dual chunks", "dynamic"],
)
def test_the_advice_stretches_nothing_twice_and_works(changes, advice):
    model = model_of(tiny_network("llama", **changes))
    with pytest.raises(WindowExceeded) as caught, model.session() as session:
        session.read(tokens(300))
    text = str(caught.value).replace(" window=300,", " window=300,")
    assert advice in text
    named = text.split("for example ")[1].split(", or")[0] if "for example" in text else ""
    with model.session(named, window=None if named else 300) as session:
        assert session.read(tokens(300)).seen == [300]


def test_no_advice_stretches_farther_than_anyone_has():
    model = model_of(tiny_network("llama", max_position_embeddings=64))
    with pytest.raises(WindowExceeded, match="no positions are known to reach 33 times") as caught:
        model.session().read(tokens(33 * 64))
    assert "yarn" not in str(caught.value)


@pytest.mark.parametrize("chunk", [32, 2048])
@pytest.mark.parametrize("length", [40, 64, 65, 700])
@pytest.mark.parametrize("family", ["phi3", "glm"])
def test_factors_of_a_config_follow_the_length_of_the_text(family, length, chunk):
    changes = {"max_position_embeddings": 2048, "original_max_position_embeddings": 64}
    network = tiny_network(family, rope_parameters=LONGROPE, **changes)
    model, ids = model_of(network), tokens(length)
    with model.session(chunk=chunk) as session:
        mine = session.logits(ids)
    theirs = stock_logits(network, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


def test_a_text_that_grows_beyond_the_short_factors_is_seen_by_the_long_ones():
    network = tiny_network(
        "phi3", max_position_embeddings=2048, original_max_position_embeddings=64, rope_parameters=LONGROPE
    )
    model, ids = model_of(network), tokens(90)
    with model.session() as session:
        session.read(ids[:50])
        late = session.logits(ids[50:])
    layer = model.seam.layers[0].rope
    assert torch.equal(layer.at(64).inv_freq, layer.inv_freq)
    assert torch.allclose(layer.at(65).inv_freq * torch.tensor(LONG), layer.inv_freq * torch.tensor(SHORT))
    assert late.isfinite().all()


@pytest.mark.parametrize("method", ["yarn", "ntk-by-parts"])
def test_yarn_on_a_config_of_yarn_is_one_yarn_of_both_factors(method):
    twice = model_of(
        tiny_network("llama", max_position_embeddings=64, rope_parameters=YARN | {"factor": 4.0})
    ).session(f"positions={method}(factor=2)")
    once = model_of(tiny_network("llama", max_position_embeddings=64, rope_parameters=YARN | {"factor": 8.0}))
    assert twice.window == once.window == 512
    mine, theirs = twice._engine.scheme.rope(twice._seam.layers[0].rope), once.seam.layers[0].rope
    assert torch.allclose(mine.inv_freq, theirs.inv_freq, rtol=1e-5)
    if method == "yarn":
        assert mine.magnitude == pytest.approx(theirs.magnitude)


def test_a_config_without_a_window_is_refused_for_that():
    network = tiny_network("llama")
    object.__setattr__(network.config, "max_position_embeddings", None)
    with pytest.raises(
        UnsupportedModel, match="max_position_embeddings=None in its config is no number of tokens"
    ):
        model_of(network)

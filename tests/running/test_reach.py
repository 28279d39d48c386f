"""Plans act in some layers of a model, and are refused where they act in none."""

import pytest
import torch

from longspan.errors import PlanError
from longspan.loading import Loaded
from longspan.model import Model
from tiny import model_of, stock_logits, tiny_model, tiny_network, tiny_tokenizer, tokens

PARTS = [
    "positions=yarn(factor=4)",
    "positions=dca",
    "pattern=flexprefill",
    "policy=snapkv(budget=64)",
    "policy=streamingllm(budget=64)",
    "selector=quest",
    "codec=kivi",
]


def sliding(window, made_for=1024):
    return model_of(tiny_network("mistral", sliding_window=window, max_position_embeddings=made_for))


@pytest.fixture(scope="module")
def narrow():
    return sliding(256)


@pytest.fixture(scope="module")
def wide():
    return sliding(4096)


@pytest.mark.parametrize("plan", PARTS)
def test_a_part_that_acts_in_no_layer_is_refused_with_the_reason(narrow, plan):
    with pytest.raises(PlanError) as caught:
        narrow.session(plan)
    text = str(caught.value)
    assert text.startswith(plan)
    assert "acts in no layer of this model: all 3 have a sliding window of 256 tokens" in text
    assert text.endswith("open the session with window=256 or less")


@pytest.mark.parametrize("plan", PARTS)
def test_a_window_that_nothing_exceeds_is_none(narrow, wide, plan):
    slot = plan.split("=")[0]
    layers = 1 if slot == "selector" else 3  # quest leaves the first two layers alone
    assert narrow.session(plan, window=256).reached == {slot: layers}
    assert wide.session(plan).reached == {slot: layers}


def test_what_acts_in_windows_too_is_accepted(narrow):
    assert narrow.session("codec=int8").reached == {"codec": 3}
    assert narrow.session("positions=stock").window == narrow.session().window == 1024


def test_a_policy_thins_out_layers_whose_window_is_wider_than_the_model_reads(wide):
    with wide.session("policy=snapkv(budget=64)") as session:
        session.read(tokens(500))
        assert session.usage.kv_bytes < 500 * 3 * 2 * 2 * 16 * 4 / 4


def test_such_a_model_is_stretched(wide):
    ids = tokens(1500)
    parameters = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0}
    config = {"sliding_window": None, "max_position_embeddings": 1024, "rope_parameters": parameters}
    stretched = tiny_network("mistral", **config)
    with wide.session("positions=yarn(factor=4)", chunk=500) as session:
        assert session.window == 4096
        mine, theirs = session.logits(ids), stock_logits(stretched, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize("window", [256, 1200])
def test_without_a_plan_the_window_is_the_models_own_however_long_the_text(window):
    model, ids = sliding(window), tokens(1500)
    with model.session(window=1500, chunk=400) as session:
        mine, theirs = session.logits(ids), stock_logits(model.network, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


def test_a_part_that_acts_in_some_layers_says_in_how_many():
    model = tiny_model("gemma3_text")
    plan = "positions=yarn(factor=4) policy=snapkv(budget=64)"
    assert model.session(plan).reached == {"positions": 1, "policy": 1}
    assert model.session(plan, window=40).reached == {"positions": 7, "policy": 7}


def test_positions_need_a_layer_that_rotates_unless_they_hide_keys_or_temper_scores():
    model = tiny_model("cohere2")  # its layers without a window do not rotate
    for plan in ("positions=yarn(factor=4)", "positions=dca", "positions=string"):
        with pytest.raises(PlanError, match="no layer that sees everything rotates"):
            model.session(plan)
    assert model.session("positions=lm-infinite").reached == {"positions": 1}
    assert model.session("positions=entropy-abf").reached == {"positions": 1}


def test_forks_and_saved_contexts_keep_the_windows_of_their_session(tmp_path):
    network = tiny_network("mistral", sliding_window=256, max_position_embeddings=1024)
    model = Model(
        Loaded(network=network, tokenizer=tiny_tokenizer(), name="tiny", digest="1" * 64, source="test")
    )
    session = model.session("policy=snapkv(budget=64)", window=256).read(tokens(100))
    assert session.fork().reached == session.reached == {"policy": 3}
    again = model.restore(session.save(tmp_path / "context"))
    assert again.reached == session.reached
    assert torch.equal(again.next_logits, session.next_logits)


@pytest.mark.parametrize(
    "plan", ["positions=yarn(factor=2)", "positions=pi(factor=2)", "positions=dynamic-ntk"]
)
def test_frequencies_that_follow_the_text_are_not_stretched_again(plan):
    parameters = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}
    model = model_of(tiny_network("llama", max_position_embeddings=64, rope_parameters=parameters))
    with pytest.raises(PlanError, match="follow the length of the text already"):
        model.session(plan)
    assert model.session("positions=dca").window is None

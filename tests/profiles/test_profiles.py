"""Profiles against what transformers computes, and how they are kept."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import PreTrainedModel

from longspan.errors import UnsupportedModel
from longspan.loading import Loaded
from longspan.model import Model
from longspan.profiles import heads, sensitivity
from longspan.profiles.prose import prose, recital
from tiny import embedded, model_of, stock_logits, tiny_model, tiny_network, tiny_tokenizer, tokens

DUO = "policy=duoattention(budget=40,allocator=retrieval-heads(sinks=4,recent=8))"
SENSITIVE = "policy=snapkv(budget=40,window=8,allocator=sensitivity)"
WINDOW = 320


def small_network(family: str = "llama", **changes: object) -> PreTrainedModel:
    """A tiny model that is measured quickly, since profiles read no more than a model's window."""
    return tiny_network(family, max_position_embeddings=WINDOW, **changes)


# The text.


@given(st.integers(0, 3000))
def test_prose_is_as_long_as_wanted_and_never_repeats(count):
    ids = prose(tiny_tokenizer(), count)
    assert len(ids) == count
    sentences = tiny_tokenizer().decode(ids).split(".")[:-1]
    assert len(set(sentences)) == len(sentences)


@given(st.integers(300, 4096))
@settings(max_examples=20)
def test_what_is_recited_is_what_was_hidden(length):
    text = recital(tiny_tokenizer(), length)
    assert len(text.ids) == length
    said = []
    for key, asking in zip(text.keys, text.asking, strict=True):
        hidden = [text.ids[place] for place in key]
        assert hidden == [text.ids[place + 1] for place in asking]
        assert key.stop < asking.start
        said.append(tuple(hidden))
    assert len(set(said)) == len(said)
    assert text.keys[-1].stop < text.asking[0].start - length // 16  # out of sight for heads that look nearby
    assert text.asking[-1].stop + 1 == length


def test_a_text_too_short_to_hide_anything_is_refused():
    with pytest.raises(UnsupportedModel, match="100 tokens are too few"):
        recital(tiny_tokenizer(), 100)


# The measures.


def stock_weights(network: PreTrainedModel, ids: list[int]) -> list[torch.Tensor]:
    """Attention weights `[heads, n, n]` of each layer, as transformers gives them."""
    stock = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return [each[0] for each in network(torch.tensor([ids]), output_attentions=True).attentions]
    finally:
        network.set_attn_implementation(stock)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_heads_score_by_what_they_pay_to_the_hidden_passkeys(family):
    network = small_network(family)
    model = model_of(network)
    text = recital(tiny_tokenizer(), WINDOW)
    weights = stock_weights(network, text.ids)
    scores = model.profile("heads")
    assert scores.dtype == torch.float32
    assert scores.shape == (len(model.seam.layers), 2)
    for layer, facts in enumerate(model.seam.layers):
        for row in range(2):
            expected = 0.0
            for head in (2 * row, 2 * row + 1):
                paid = [
                    sum(float(weights[layer][head, query, place]) for place in key) / len(key)
                    for key, asking in zip(text.keys, text.asking, strict=True)
                    for query in asking
                ]
                expected = max(expected, sum(paid) / len(text.keys))
            assert_close(float(scores[layer, row]), 0.0 if facts.window else expected, atol=1e-5, rtol=1e-4)
    assert (scores.amax(1) > 0).tolist() == [layer.window is None for layer in model.seam.layers]


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_layers_are_sensitive_as_their_keys_change(family):
    network = small_network(family)
    ids = prose(tiny_tokenizer(), WINDOW)
    sinks, block = WINDOW // 16, WINDOW // 4
    place = torch.arange(WINDOW)
    own = place[:, None] // block == place // block
    before = (place[:, None] // block == place // block + 1) & (place % block >= block // 2)
    sees = (own | before | (place < sinks)) & (place <= place[:, None])

    def keys(visible):
        mask = torch.zeros(WINDOW, WINDOW).masked_fill(~visible, -torch.inf)[None, None]
        with torch.no_grad():
            cache = network(torch.tensor([ids]), attention_mask=mask, use_cache=True).past_key_values
        return [layer.keys[0] for layer in cache.layers]

    found = model_of(network).profile("sensitivity").tolist()
    for layer, (full, evicted) in enumerate(zip(keys(place <= place[:, None]), keys(sees), strict=True)):
        cosines = []
        for head in range(2):
            for start in range(0, WINDOW, 100):
                one, other = (each[head, start : start + 100].flatten().tolist() for each in (full, evicted))
                product = sum(a * b for a, b in zip(one, other, strict=True))
                cosines.append(product / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)
        assert found[layer] == pytest.approx(1 - sum(cosines) / len(cosines), abs=1e-5)
    assert found[0] < 1e-6 < min(found[1:])


def test_layers_with_a_window_are_not_sensitive():
    model = model_of(small_network("gemma3_text"))
    assert (model.profile("sensitivity") > 0).tolist() == [
        layer.window is None for layer in model.seam.layers
    ]


def test_a_model_that_sees_everything_nowhere_is_not_read():
    model = model_of(small_network("mistral"))
    with embedded(model.network) as taken:
        assert not model.profile("heads").any()
        assert not model.profile("sensitivity").any()
    assert taken == []


@pytest.mark.parametrize("measure", [heads.measure, sensitivity.measure])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_measuring_leaves_no_trace_on_the_model(measure, family):
    network, ids = small_network(family), tokens(50)
    before = stock_logits(network, ids)
    model = model_of(network)
    measure(model.seam, model.tokenizer)
    assert torch.equal(stock_logits(network, ids), before)


# When they are measured.


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match=r"profile='head' is not one of .*heads"):
        tiny_model().profile("head")


@pytest.mark.parametrize("plan", [DUO, SENSITIVE])
@pytest.mark.parametrize("among", ["plan", "forks"])
def test_a_session_measures_when_it_is_opened_and_once_only(plan, among):
    model = model_of(small_network())

    def opened():
        return model.session(plan) if among == "plan" else model.session(forks=[plan])

    with embedded(model.network) as taken, opened() as session:
        assert len(taken) >= WINDOW
        taken.clear()
        session.read(tokens(60))
        if among == "forks":
            session.fork(plan).close()
        assert len(taken) == 60
    with embedded(model.network) as taken:
        opened().close()
    assert taken == []


def test_a_session_that_needs_no_profile_measures_nothing():
    model = model_of(small_network())
    with embedded(model.network) as taken:
        model.session("policy=snapkv").close()
    assert taken == []


# How they are kept.


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Makes a Model anew, of the same weights under some digest."""
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    network = small_network(num_hidden_layers=1)

    def make(digest: str = "d" * 64) -> Model:
        return Model(
            Loaded(network=network, tokenizer=tiny_tokenizer(), name="tiny", digest=digest, source="a test")
        )

    return make


def files(folder):
    return sorted((folder / "profiles").iterdir()) if (folder / "profiles").exists() else []


@pytest.mark.parametrize("name", ["heads", "sensitivity"])
def test_a_profile_is_kept_with_the_model(opened, tmp_path, name):
    measured = opened().profile(name)
    assert len(files(tmp_path)) == 1
    again = opened()
    with embedded(again.network) as taken:
        assert torch.equal(again.profile(name), measured)
    assert taken == []


def test_another_model_has_its_own_profile(opened, tmp_path):
    opened().profile("heads")
    opened("e" * 64).profile("heads")
    opened("e" * 64).profile("sensitivity")
    assert len(files(tmp_path)) == 3


def test_a_model_without_a_digest_is_measured_once_for_each_object(opened, tmp_path):
    model = opened("")
    for each, pays in ((model, True), (model, False), (opened(""), True)):
        with embedded(model.network) as taken:
            each.profile("heads")
        assert bool(taken) == pays
    assert files(tmp_path) == []


def another_number(text: str) -> str:
    held = json.loads(text)
    held["values"][0] += 0.001
    return json.dumps(held)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[" * 100_000,
        lambda text: "[1, 2]",
        lambda text: text.replace('"values"', '"value"'),
        lambda text: text.replace('"shape": [1, 2]', '"shape": [2, 1]'),
        another_number,
        lambda text: "\ud800",
    ],
)
def test_a_damaged_profile_is_measured_anew(opened, tmp_path, damage):
    measured = opened().profile("heads")
    (path,) = files(tmp_path)
    sound = path.read_text("utf-8")
    path.write_bytes(damage(sound).encode("utf-8", "surrogatepass"))
    again = opened()
    with embedded(again.network) as taken:
        assert torch.equal(again.profile("heads"), measured)
    assert len(taken) == WINDOW
    assert path.read_text("utf-8") == sound

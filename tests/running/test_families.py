"""The empty plan is the stock model: logits of transformers itself, family by family."""

import pytest
import torch
from torch.testing import assert_close

from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

MAIN = ["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3_text", "granite", "olmo2"]
EXACT = ["cohere", "cohere2", "glm", "glm4", "smollm3", "exaone4", "gpt_neox"]
WIDE = ["gemma4_text"]  # heads of the layers without a window are wider than those of the others
CLOSE = ["gpt_oss", "gemma2", "mixtral", "qwen3_moe"]
SLIDING = ["mistral", "gemma3_text", "cohere2", "exaone4", "gpt_oss", "gemma2"]


@pytest.mark.parametrize("family", MAIN + EXACT + WIDE)
def test_one_chunk_is_stock_bit_for_bit(family):
    model, ids = tiny_model(family), tokens(96)
    with model.session() as session:
        assert torch.equal(session.logits(ids), stock_logits(model.network, ids))


@pytest.mark.parametrize("chunk", [1, 7, 40])
@pytest.mark.parametrize("family", MAIN)
def test_chunks_are_stock(family, chunk):
    model, ids = tiny_model(family), tokens(56)
    with model.session(chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [16, 2048])
@pytest.mark.parametrize("family", EXACT + CLOSE)
def test_other_families_are_stock(family, chunk):
    model, ids = tiny_model(family), tokens(96)
    with model.session(chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", SLIDING)
def test_texts_of_many_windows_are_stock(family):
    model, ids = tiny_model(family), tokens(300)
    with model.session(chunk=16) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", SLIDING)
def test_windows_shorter_than_the_prompt_are_seen_and_kept_short(family):
    model = tiny_model(family)
    windows = [layer.window for layer in model.seam.layers]
    assert 40 in windows
    with model.session(chunk=16) as session:
        session.read(tokens(400))
        held = session.usage.kv_bytes
    full = windows.count(None) * 400
    per_token = 2 * 2 * 16 * 4
    assert full * per_token < held <= (full + len(windows) * 4 * 40) * per_token


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt_oss"])
def test_generated_tokens_are_those_of_stock_logits(family):
    model, ids = tiny_model(family), tokens(60)
    with model.session(chunk=16) as session:
        made = [step.token for step in session.read(ids).generate(max_new_tokens=24)]
    logits = stock_logits(model.network, torch.cat((ids, torch.tensor(made))))
    assert made == logits[59:-1].argmax(-1).tolist()


def test_low_precision_is_stock_within_its_own_noise():
    network, ids = tiny_network("llama"), tokens(96)
    exact = stock_logits(network, ids)
    model = model_of(network.bfloat16())
    noise = (stock_logits(network, ids).float() - exact).norm()
    with model.session(chunk=16) as session:
        logits = session.logits(ids)
        assert logits.dtype == torch.bfloat16
        assert (logits.float() - exact).norm() < 1.5 * noise
    with model.session(chunk=16) as session:
        session.read(ids)
        assert session.usage.kv_bytes == 2 * 3 * 2 * 16 * 2 * 96

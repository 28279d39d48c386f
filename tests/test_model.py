"""Loading a model for long contexts: what the self-check says, and models that need another attention."""

import shutil

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import longspan

COMMON = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}


@pytest.mark.parametrize(
    ("family", "extra"), [("gemma2", {"sliding_window": 40}), ("gpt_oss", {"num_local_experts": 4})]
)
def test_a_family_without_sdpa_loads_from_a_folder(default_weights, tmp_path, family, extra):
    config = AutoConfig.for_model(
        family, vocab_size=len(default_weights.tokenizer), **{**COMMON, **extra, "eos_token_id": 2}
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(tmp_path / "model")
    default_weights.tokenizer.save_pretrained(tmp_path / "model")
    model = longspan.load(tmp_path / "model", dtype="float32")
    assert model.checked.family == family
    with model.session() as session:
        assert len(list(session.read("Once upon a time").generate(max_new_tokens=4))) == 4
    shutil.rmtree(tmp_path)


def test_the_self_check_describes_the_default_model(default_model):
    checked = default_model.checked
    assert (checked.layers, checked.heads, checked.kv_heads, checked.head_dim) == (30, 9, 3, 64)
    assert checked.window == 8192
    assert checked.kv_bytes_per_token == 30 * 3 * 64 * 2 * 4
    assert checked.difference < checked.tolerance == 1e-4

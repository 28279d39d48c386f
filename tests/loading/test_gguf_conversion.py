"""A GGUF file becomes the model it was made of: weights, config, tokenizer."""

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import FAMILIES, TEMPLATE, TOKENS, interleaved, tiny_network, write_gguf
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from longspan.conversation import Conversation, begin_ids
from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading import convert, load_weights
from longspan.loading.gguf_config import config_of
from longspan.loading.gguf_header import read_header
from longspan.loading.gguf_tokenizer import tokenizer_of
from longspan.spans import tokenize

KINDS = gguf.GGMLQuantizationType
PROMPT = torch.arange(3, 43)[None]


def load(path, **options):
    return load_weights(path, **{"dtype": "float32", "device": "cpu", "weights": "expanded"} | options)


def changed_rope(theta, **parameters):
    return {"rope_parameters": {"rope_theta": theta, **parameters}}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False])
def test_a_float_file_gives_back_every_weight_and_the_same_logits(cache, tmp_path, family, tied):
    network = tiny_network(family, tie_word_embeddings=tied)
    found = load(write_gguf(tmp_path / "tiny.gguf", network)).network
    expected = network.state_dict()
    assert found.state_dict().keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in found.state_dict().items())
    assert torch.equal(found(PROMPT).logits, network(PROMPT).logits)
    assert type(found) is type(network)
    assert not found.training
    assert not any(weight.requires_grad for weight in found.parameters())


def test_attention_biases_of_llama_are_read(cache, tmp_path):
    network = tiny_network("llama", attention_bias=True)
    path = write_gguf(tmp_path / "tiny.gguf", network, without=("blk.0.attn_output.bias",))
    with pytest.raises(CorruptModel, match=r"attn_output\.bias"):
        load(path)
    found = load(write_gguf(tmp_path / "tiny.gguf", network)).network
    assert torch.equal(found(PROMPT).logits, network(PROMPT).logits)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [KINDS.Q4_0, KINDS.Q4_1, KINDS.Q5_0, KINDS.Q8_0, KINDS.F16, KINDS.BF16])
def test_weights_equal_the_conversion_of_transformers(cache, tmp_path, family, kind):
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network(family), kind=kind)
    found = load(path).network
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(found.config)
    stock = load_gguf_checkpoint(path, return_tensors=True, model_to_load=empty)["tensors"]
    weights = found.state_dict()
    assert stock.keys() == weights.keys()
    assert all(torch.equal(weights[name], weight) for name, weight in stock.items())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", torch.float16])
def test_another_dtype_is_float32_rounded_once(cache, tmp_path, dtype):
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("qwen2"), kind=KINDS.Q8_0)
    full, half = load(path).network, load(path, dtype=dtype).network
    assert half.dtype == getattr(torch, str(dtype).removeprefix("torch."))
    rounded = full.to(half.dtype).state_dict()
    assert all(torch.equal(weight, rounded[name]) for name, weight in half.state_dict().items())


def test_a_model_in_several_files_is_the_same_model(cache, tmp_path, monkeypatch):
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"))
    whole = load(path).network.state_dict()
    monkeypatch.setattr(convert, "SHARD_BYTES", 60_000)
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "other"))
    parts = load(path).network.state_dict()
    files = sorted((tmp_path / "other").rglob("*.safetensors"))
    assert len(files) > 2
    assert all(torch.equal(weight, whole[name]) for name, weight in parts.items())


@given(heads=st.integers(1, 5), half=st.integers(1, 6), columns=st.integers(0, 3))
def test_unpermuting_undoes_the_naive_permutation(heads, half, columns):
    shape = (heads * half * 2, columns) if columns else (heads * half * 2,)
    rows = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert np.array_equal(convert._halves(interleaved(rows, heads), heads), rows)


def llama3_divisors(head_dim, theta, factor):
    """Llama 3's published rule, one frequency after the other (https://arxiv.org/abs/2407.21783)."""
    divisors = []
    for pair in range(head_dim // 2):
        wavelength = 2 * np.pi * theta ** (2 * pair / head_dim)
        if wavelength < 8192 / 4:
            divisors.append(1.0)
        elif wavelength > 8192:
            divisors.append(factor)
        else:
            smooth = (8192 / wavelength - 1) / (4 - 1)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, dtype=np.float32)


def test_scaling_of_llama_3_is_recognised_by_its_divisors(cache, tmp_path):
    scaling = {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    network = tiny_network(
        "llama", **changed_rope(500000.0, **scaling, original_max_position_embeddings=8192)
    )
    divisors = {"rope_freqs.weight": llama3_divisors(16, 500000.0, 32.0)}
    found = load(write_gguf(tmp_path / "tiny.gguf", network, tensors=divisors)).network
    assert found.config.rope_parameters == network.config.rope_parameters
    assert torch.equal(found(PROMPT).logits, network(PROMPT).logits)
    divisors["rope_freqs.weight"][3] *= 1.5
    with pytest.raises(UnsupportedModel, match="not scaled as in Llama 3"):
        load(write_gguf(tmp_path / "tiny.gguf", network, tensors=divisors))


@pytest.mark.parametrize("kind", ["linear", "yarn"])
def test_linear_and_yarn_scaling_are_read(cache, tmp_path, kind):
    original = {"original_max_position_embeddings": 128} if kind == "yarn" else {}
    network = tiny_network("qwen2", **changed_rope(10000.0, rope_type=kind, factor=4.0, **original))
    stored = {"qwen2.rope.scaling.type": kind, "qwen2.rope.scaling.factor": 4.0}
    if original:
        stored["qwen2.rope.scaling.original_context_length"] = 128
    found = load(write_gguf(tmp_path / "tiny.gguf", network, metadata=stored)).network
    assert torch.equal(found(PROMPT).logits, network(PROMPT).logits)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"llama.rope.scaling.type": "longrope", "llama.rope.scaling.factor": 4.0}, "longrope"),
        ({"llama.rope.scaling.attn_factor": 0.5}, "attn_factor"),
        ({"llama.attention.sliding_window": 128}, "sliding_window"),
        ({"llama.expert_count": 8}, "mixture of experts"),
        ({"llama.rope.dimension_count": 8}, "dimension_count"),
        ({"llama.attention.key_length": [8, 16]}, "layer to layer"),
        ({"split.count": 3}, "one of 3 parts"),
    ],
)
def test_variants_that_would_compute_something_else_are_refused(cache, tmp_path, metadata, said):
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), metadata=metadata)
    with pytest.raises(UnsupportedModel, match=said):
        load(path)


def test_an_unknown_tensor_and_an_unknown_split_rule_are_refused(cache, tmp_path):
    extra = {"blk.0.attn_sinks.weight": np.ones(4, dtype=np.float32)}
    with pytest.raises(UnsupportedModel, match="attn_sinks"):
        load(write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), tensors=extra))
    with pytest.raises(UnsupportedModel, match="'viking'"):
        load(write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), rule="viking"))


def test_generation_ends_at_the_end_of_a_turn_too(cache, tmp_path):
    ends = {"tokenizer.ggml.eot_token_id": 1}
    loaded = load(write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), metadata=ends))
    assert loaded.network.generation_config.eos_token_id == [2, 1, 0], "<|endoftext|> is known by its text"
    assert loaded.network.config.eos_token_id == 2


@pytest.mark.parametrize(
    ("metadata", "rope"),
    [
        ({"llama.rope.scale_linear": 4.0}, {"rope_type": "linear", "factor": 4.0}),
        ({"llama.rope.scaling.factor": 4.0}, {"rope_type": "linear", "factor": 4.0}),
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 0.0}, {"rope_type": "default"}),
        (
            {"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 4.0},
            {"rope_type": "yarn", "factor": 4.0},
        ),
    ],
)
def test_rotary_keys_are_read_as_llama_cpp_reads_them(tmp_path, metadata, rope):
    config = config_of(
        read_header(write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), metadata=metadata))
    )
    found = config.rope_parameters
    assert {name: found[name] for name in rope} == rope
    if rope["rope_type"] == "yarn":
        assert found["original_max_position_embeddings"] == config.max_position_embeddings


def test_a_file_may_refuse_the_begin_token_and_name_tokens_that_it_lacks(cache, tmp_path):
    told = {"tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.eot_token_id": 99999}
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("llama"), rule="llama-bpe", metadata=told)
    loaded = load(path)
    assert begin_ids(loaded.tokenizer) == []
    assert loaded.tokenizer.backend_tokenizer.model.ignore_merges
    assert loaded.network.generation_config.eos_token_id == [2, 0]


@pytest.mark.parametrize("prefix", [True, False])
def test_a_sentencepiece_file_says_whether_a_blank_stands_before_a_text(tmp_path, prefix):
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    wholes = [word[:end] for word in ("▁hello", "hello") for end in range(2, len(word) + 1)]
    words = ["<|im_end|>", *wholes, *dict.fromkeys("▁helo<|im_nd>")]
    writer = gguf.GGUFWriter(tmp_path / "words.gguf", "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*pieces, *words])
    writer.add_token_types([2, 3, 3, *[6] * 256, 3, *[1] * (len(words) - 1)])
    writer.add_token_scores([0.0] * len(pieces) + [-float(number) for number in range(len(words))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_bool("tokenizer.ggml.add_space_prefix", prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    tokenizer = tokenizer_of(read_header(tmp_path / "words.gguf"))
    first = "▁hello" if prefix else "hello"
    assert tokenizer.convert_ids_to_tokens(tokenizer("hello")["input_ids"]) == ["<s>", first]
    mark = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert mark in tokenizer("hello<|im_end|>")["input_ids"]
    assert mark not in tokenize(tokenizer, "hello<|im_end|>", plain=True).ids


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.lists(
    st.sampled_from(["the", " and", "\n\n", "  ", "12", "<|im_end|>", "é", "e\u0301", "🙂", "\t", " 1"])
).map("".join)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """By rule: the tokenizer after conversion, and the one transformers makes of the file."""
    folder = tmp_path_factory.mktemp("tokenizers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGSPAN_CACHE", str(folder / "cache"))
        made = {}
        for rule in ("gpt-2", "qwen2", "llama-bpe", "smollm"):
            path = write_gguf(folder / f"{rule}.gguf", tiny_network("qwen2"), rule=rule)
            stock = PreTrainedTokenizerFast.from_pretrained(folder, gguf_file=path.name)
            made[rule] = load(path).tokenizer, stock
        return made


@pytest.mark.parametrize("rule", ["gpt-2", "qwen2", "llama-bpe"])
@settings(max_examples=150)
@given(text=TEXTS)
def test_tokens_are_those_of_transformers(tokenizers, rule, text):
    ours, stock = tokenizers[rule]
    begin = [ours.bos_token_id] if rule == "llama-bpe" else []
    assert ours(text)["input_ids"] == begin + stock(text)["input_ids"]


@settings(max_examples=150)
@given(text=TEXTS)
def test_tokens_spell_the_text(tokenizers, text):
    for ours, _ in tokenizers.values():
        assert ours.decode(ours(text, add_special_tokens=False)["input_ids"]) == text


def test_smollm_splits_digits_before_everything_else(tokenizers):
    ours, stock = tokenizers["smollm"]
    assert ours.tokenize("the 12") == ["the", "Ġ", "1", "2"]
    assert stock.tokenize("the 12") == ["the", "Ġ", "12"]
    assert ours.tokenize("the\n\n12") == ["the", "ĊĊ", "1", "2"]


def test_special_tokens_and_chat_template_survive(tokenizers):
    ours, _ = tokenizers["qwen2"]
    assert ours.is_fast
    assert ours("<|im_start|>the<|im_end|>")["input_ids"][::2] == [1, 2]
    assert ours.chat_template == TEMPLATE
    assert ours.apply_chat_template([{"role": "user", "content": "the"}], tokenize=False) == (
        "<|im_start|>the<|im_end|>"
    )


DEEPSEEK = {"<｜end▁of▁sentence｜>": 3, "<｜User｜>": 3, "<｜Assistant｜>": 3, "<think>": 4, "  ": 4}
"""Control tokens with characters that stand for no byte, by their kinds in the file."""


@pytest.fixture
def deepseek(cache, tmp_path):
    turns = "{% for m in messages %}<｜User｜>{{ m['content'] }}{% endfor %}<｜Assistant｜><think>"
    told = {"tokenizer.ggml.eos_token_id": 0, "tokenizer.chat_template": turns}
    network = tiny_network("qwen2", vocab_size=len(TOKENS) + 2)
    return load(
        write_gguf(tmp_path / "tiny.gguf", network, rule="deepseek-r1-qwen", metadata=told, special=DEEPSEEK)
    )


def test_control_tokens_keep_their_texts_and_numbers_and_none_is_added(deepseek):
    tokenizer = deepseek.tokenizer
    assert len(tokenizer) == len(TOKENS) + 2
    assert tokenizer.convert_ids_to_tokens(range(5)) == list(DEEPSEEK)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 0, 0)
    assert deepseek.network.generation_config.eos_token_id == [0]
    the = tokenizer.convert_tokens_to_ids("the")
    text = "<｜User｜>the  the<｜Assistant｜><think>the<｜end▁of▁sentence｜>"
    assert tokenizer(text)["input_ids"] == [1, the, 4, the, 2, 3, the, 0]
    assert tokenizer.decode([1, the, 4, the, 2, 3, the, 0]) == text
    assert tokenizer.decode([1, the, 3, 0], skip_special_tokens=True) == "the<think>"
    assert max(tokenizer("<|endoftext|> <s> </s> <unk>")["input_ids"]) < len(TOKENS) + 2


def test_a_prompt_of_such_a_file_has_its_control_tokens(deepseek):
    tokenizer = deepseek.tokenizer
    the = tokenizer.convert_tokens_to_ids("the")
    assert Conversation(tokenizer).question("the", [])[1] == [the, 2, 3]
    assert {0, 1, 2, 3}.isdisjoint(
        tokenize(tokenizer, "<｜end▁of▁sentence｜><｜User｜><think>", plain=True).ids
    )

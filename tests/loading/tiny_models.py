"""Small random models, as transformers has them and as llama.cpp would store them in a GGUF file."""

from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.convert_slow_tokenizer import bytes_to_unicode

MERGES = ["t h", "th e", "Ġ the", "Ġ Ġ", "Ċ Ċ", "a n", "an d", "Ġ and", "1 2", "Ġ 1"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = SPECIAL + sorted(bytes_to_unicode().values()) + [merge.replace(" ", "") for merge in MERGES]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
CONFIG = {
    "vocab_size": len(TOKENS),
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "rms_norm_eps": 1e-6,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "initializer_range": 0.2,
}
FAMILIES = ("llama", "qwen2", "qwen3")


def tiny_network(family: str, **changes: object) -> PreTrainedModel:
    """A random model whose every weight, biases and norms too, differs from its neighbours."""
    torch.manual_seed(0)
    head_dim = {"head_dim": 32} if family == "qwen3" else {}
    network = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **CONFIG | head_dim | changes))
    for name, weight in network.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.normal_(weight, mean=1.0 if "norm" in name else 0.0, std=0.2)
    return network.eval().requires_grad_(False)


def interleaved(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of every head in the order 0, d/2, 1, d/2 + 1, ... as llama.cpp stores Llama, written as loops."""
    width = rows.shape[0] // heads
    result = np.empty_like(rows)
    for head in range(heads):
        for row in range(width):
            result[head * width + row] = rows[head * width + row // 2 + (row % 2) * (width // 2)]
    return result


def write_gguf(
    path: Path,
    network: PreTrainedModel,
    *,
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    rule: str = "gpt-2",
    metadata: dict[str, object] | None = None,
    tensors: dict[str, np.ndarray] | None = None,
    without: tuple[str, ...] = (),
    special: dict[str, int] | None = None,
) -> Path:
    """Store a tiny model as GGUF: matrices in `kind`, norms and biases in float32, extras as given.

    special: the first tokens of the vocabulary, and of which kind each of them is.
    """
    special = special or dict.fromkeys(SPECIAL, 3)
    ordinary = TOKENS[len(SPECIAL) :]
    config = network.config
    family = config.model_type
    writer = gguf.GGUFWriter(path, family)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if family == "qwen3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list([*special, *ordinary])
    writer.add_token_types([*special.values(), *[1] * len(ordinary)])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for key, value in (metadata or {}).items():
        kinds = {
            str: writer.add_string,
            int: writer.add_uint32,
            float: writer.add_float32,
            bool: writer.add_bool,
            list: writer.add_array,
        }
        kinds[type(value)](key, value)
    table = gguf.get_tensor_name_map(
        {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}[family], config.num_hidden_layers
    )
    for name, weight in network.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        stem, _, suffix = name.rpartition(".")
        stored = f"{table.get_name(stem)}.{suffix}"
        values = weight.float().numpy()
        if family == "llama" and ".q_proj." in name:
            values = interleaved(values, config.num_attention_heads)
        if family == "llama" and ".k_proj." in name:
            values = interleaved(values, config.num_key_value_heads)
        if stored not in without:
            chosen = kind if values.ndim == 2 else gguf.GGMLQuantizationType.F32
            writer.add_tensor(stored, gguf.quantize(values, chosen), raw_dtype=chosen)
    for name, values in (tensors or {}).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

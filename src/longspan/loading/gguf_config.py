"""A transformers config from a GGUF file's metadata, for the families whose conversion is tested."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, GenerationConfig, PretrainedConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.gguf_header import GgufHeader
from longspan.loading.reason import reason

ROPE_FACTORS = "rope_freqs.weight"
"""The tensor by which GGUF tells Llama 3's frequency scaling: what each base frequency is divided by."""

_NOT_IN_THESE_FAMILIES = (
    "attention.sliding_window",
    "attention.scale",
    "attention.temperature_scale",
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logit_scale",
    "residual_scale",
    "embedding_scale",
)
_SCALING_KEYS = {"type", "factor", "original_context_length", "finetuned"}
_LARGEST = 2**31 - 1
_DEEPEST = 1000
_SENTENCEPIECE = {"bos": 1, "eos": 2}
"""What a SentencePiece file means that names no tokens to begin and end with."""
_ENDS = ("eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep")
_END_TEXTS = (
    *(
        "<|eot_id|>",
        "<|im_end|>",
        "<|end|>",
        "<|return|>",
        "<|call|>",
        "<|flush|>",
        "<|calls|>",
        "<end_of_turn>",
    ),
    *("<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>"),
    *("<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~["),
    *("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"),
    *("<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"),
)
"""https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp"""


@dataclass(frozen=True, kw_only=True)
class Family:
    """How llama.cpp stores one family of models."""

    model_type: str
    """Its name in transformers."""
    interleaved: bool
    """Rows of query and key projections are stored as rotary pairs (0, d/2, 1, d/2 + 1, ...) in each head."""
    bias_option: str | None
    """The config's switch for biases in attention, when the family has one."""


FAMILIES = {
    "llama": Family(model_type="llama", interleaved=True, bias_option="attention_bias"),
    "qwen2": Family(model_type="qwen2", interleaved=False, bias_option=None),
    "qwen3": Family(model_type="qwen3", interleaved=False, bias_option="attention_bias"),
}


def family_of(header: GgufHeader) -> Family:
    """The family of the file; raises `UnsupportedModel` naming an architecture that is not converted."""
    architecture = header.single("general.architecture")
    if not isinstance(architecture, str):
        raise CorruptModel(f"{header.path} does not name its architecture; download it again")
    if architecture not in FAMILIES:
        raise UnsupportedModel(
            f"{header.path} holds a model of architecture {architecture!r} and GGUF files are read for "
            f"{', '.join(FAMILIES)}; use the model's safetensors files (a folder or a hub id)"
        )
    return FAMILIES[architecture]


def config_of(header: GgufHeader) -> PretrainedConfig:
    """The transformers config of the model in the file.

    Raises `CorruptModel` for missing or impossible values and `UnsupportedModel` for variants of the family
    that would silently compute something else.
    """
    family = family_of(header)
    facts = _Facts(header)
    heads = facts.count("attention.head_count")
    hidden = facts.count("embedding_length")
    head_dim = facts.count("attention.key_length", hidden // heads)
    for key in ("attention.value_length", "rope.dimension_count"):
        if facts.count(key, head_dim) != head_dim:
            raise facts.unsupported(f"{key} differs from the key length {head_dim}")
    if facts.count("expert_count", 0, smallest=0):
        raise facts.unsupported("it is a mixture of experts")
    for key in _NOT_IN_THESE_FAMILIES:
        if header.single(f"{facts.prefix}.{key}"):
            raise facts.unsupported(f"its metadata sets {key!r}")
    if header.single(f"{facts.prefix}.attention.causal") is False:
        raise facts.unsupported("its tokens see those behind them")
    if (parts := header.single("split.count", 1)) != 1:
        raise facts.unsupported(f"it is only one of {parts} parts")
    layers = facts.count("block_count")
    if layers > _DEEPEST:
        raise header.corrupt(f"it claims {layers:,} layers, allowed are {_DEEPEST:,}")
    if layers > len(header.tensors):
        raise header.corrupt(f"it claims {layers:,} layers and holds {len(header.tensors):,} tensors")
    embedding = header.tensors.get("token_embd.weight")
    if embedding is None:
        raise header.corrupt("it holds no token embedding")
    tokens = header.arrays.get("tokenizer.ggml.tokens", 0)
    if not 0 < tokens <= embedding.shape[0]:
        raise header.corrupt(f"it names {tokens:,} tokens and embeds {embedding.shape[0]:,}")
    values = {
        "vocab_size": embedding.shape[0],
        "hidden_size": hidden,
        "intermediate_size": facts.count("feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": facts.count("attention.head_count_kv", heads),
        "head_dim": head_dim,
        "max_position_embeddings": facts.count("context_length"),
        "rms_norm_eps": facts.number("attention.layer_norm_rms_epsilon", 1e-6),
        "rope_parameters": _rope(header, facts, head_dim),
        "tie_word_embeddings": "output.weight" not in header.tensors,
        "bos_token_id": facts.token("bos"),
        "eos_token_id": facts.token("eos"),
        "pad_token_id": facts.token("padding"),
    }
    if family.bias_option:
        values[family.bias_option] = "blk.0.attn_q.bias" in header.tensors
    try:
        return AutoConfig.for_model(family.model_type, **values)
    except (StrictDataclassError, ValueError, TypeError, ArithmeticError) as error:
        raise header.corrupt(f"its metadata makes no model ({reason(error)})") from None


def generation_config_of(header: GgufHeader) -> GenerationConfig:
    """Which tokens begin, end and pad a text.

    A text ends with the tokens that the file names as ends of a text, of a turn or of a message, and with those that
    llama.cpp knows by their text.
    """
    facts = _Facts(header)
    ends = [token for key in _ENDS if (token := facts.token(key)) is not None]
    texts = {text: token for token, text in enumerate(header.texts("tokenizer.ggml.tokens"))}
    ends += [texts[text] for text in end_texts(texts)]
    return GenerationConfig(
        bos_token_id=facts.token("bos"),
        eos_token_id=list(dict.fromkeys(ends)) or None,
        pad_token_id=facts.token("padding"),
    )


def end_texts(vocabulary: Collection[str]) -> list[str]:
    """The tokens of a vocabulary that end what a model says, by their texts."""
    found = [text for text in _END_TEXTS if text in vocabulary]
    calls = "<|call|>" in found or "<|calls|>" in found
    if calls and ("<|return|>" in found or "<|flush|>" in found) and "<|end|>" in found:
        found.remove("<|end|>")
    if "<|tool_response>" in found and "</s>" in found:
        found.remove("</s>")
    return found


def _rope(header: GgufHeader, facts: _Facts, head_dim: int) -> dict[str, object]:
    theta = facts.number("rope.freq_base", 10000.0)
    if ROPE_FACTORS in header.tensors:
        return _llama3_rope(header, facts, theta, head_dim)
    scaling = f"{facts.prefix}.rope.scaling."
    for key in (*header.metadata, *header.arrays):
        if key.startswith(scaling) and key.removeprefix(scaling) not in _SCALING_KEYS:
            raise facts.unsupported(f"its metadata sets {key!r}")
    kind = header.single(f"{scaling}type", "linear")
    factor = facts.number("rope.scaling.factor", facts.number("rope.scale_linear", 0.0))
    if kind == "none" or factor in (0.0, 1.0):
        return {"rope_type": "default", "rope_theta": theta}
    if kind == "linear":
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind == "yarn":
        original = facts.count("rope.scaling.original_context_length", facts.count("context_length"))
        return {
            "rope_type": "yarn",
            "rope_theta": theta,
            "factor": factor,
            "original_max_position_embeddings": original,
        }
    raise facts.unsupported(f"its rotary scaling is {kind!r}")


def _llama3_rope(header: GgufHeader, facts: _Facts, theta: float, head_dim: int) -> dict[str, object]:
    """Llama 3's scaling, recognised by recomputing the stored divisors from its published constants."""
    tensor = header.tensors[ROPE_FACTORS]
    stored = np.memmap(header.path, np.uint8, "r", tensor.start, (tensor.size,)).view("<f4")
    if tensor.kind.name != "F32" or stored.shape != (head_dim // 2,) or not np.isfinite(stored).all():
        raise header.corrupt(f"{ROPE_FACTORS} is not one finite number a rotary pair")
    parameters: dict[str, object] = {
        "rope_type": "llama3",
        "rope_theta": theta,
        "factor": float(stored.max()),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    config = AutoConfig.for_model(
        "llama", hidden_size=head_dim, num_attention_heads=1, rope_parameters=parameters
    )
    frequencies, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    base = theta ** -(np.arange(0, head_dim, 2) / head_dim)
    if not np.allclose(base / frequencies.numpy(), stored, rtol=1e-4):
        raise facts.unsupported("its rotary frequencies are not scaled as in Llama 3")
    return parameters


class _Facts:
    """Metadata of the file's architecture, with checks."""

    def __init__(self, header: GgufHeader) -> None:
        self.header = header
        self.prefix = header.metadata["general.architecture"]

    def unsupported(self, problem: str) -> UnsupportedModel:
        return UnsupportedModel(
            f"{self.header.path} holds a {self.prefix} model that cannot be read: {problem}; "
            "use the model's safetensors files (a folder or a hub id)"
        )

    def number(self, key: str, default: float | None = None) -> float:
        if f"{self.prefix}.{key}" in self.header.arrays:
            raise self.unsupported(f"{key} differs from layer to layer")
        value = self.header.metadata.get(f"{self.prefix}.{key}", default)
        if value is None:
            raise self.header.corrupt(f"metadata {key!r} is missing")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
            raise self.header.corrupt(f"metadata {key!r} is {value!r}")
        return value

    def count(self, key: str, default: int | None = None, *, smallest: int = 1) -> int:
        value = self.number(key, default)
        if not isinstance(value, int) or value < smallest:
            raise self.header.corrupt(f"metadata {key!r} is {value!r}")
        return value

    def token(self, key: str) -> int | None:
        """The token of a kind, as llama.cpp takes it: none where the file names one beyond its vocabulary."""
        sentencepiece = self.header.single("tokenizer.ggml.model") == "llama"
        value = self.header.single(
            f"tokenizer.ggml.{key}_token_id", _SENTENCEPIECE.get(key) if sentencepiece else None
        )
        if value is not None and (type(value) is not int or not 0 <= value <= _LARGEST):
            raise self.header.corrupt(f"token id {key!r} is {value!r}")
        tokens = self.header.arrays.get("tokenizer.ggml.tokens", 0)
        return None if value is None or value >= tokens else value

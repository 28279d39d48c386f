"""The tokenizer inside a GGUF file."""

from __future__ import annotations

from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.gguf_header import GgufHeader
from longspan.loading.reason import reason

_SPLIT_BY_TRANSFORMERS = {
    "gpt-2",
    "llama3",
    "llama-v3",
    "llama-bpe",
    "smaug-bpe",
    "tekken",
    "qwen2",
    "deepseek-r1-qwen",
}
_SPLIT_DIGITS = {"smollm"}


def tokenizer_of(header: GgufHeader) -> PreTrainedTokenizerFast:
    """The fast tokenizer of the model in the file, with its chat template if the file has one.

    transformers builds it from the file's vocabulary and merges. The rule by which text is split before
    merging is only named in the file: names that transformers does not know would be split as in GPT-2 and
    give other tokens than the model learned, so they are refused with `UnsupportedModel`. SmolLM's rule, each
    digit by itself and then as in GPT-2, is set here: transformers leaves the digits out, which changes how
    blanks and line breaks before a number are read.
    """
    rule = header.metadata.get("tokenizer.ggml.pre")
    byte_level = header.metadata.get("tokenizer.ggml.model") == "gpt2"
    if byte_level and rule not in _SPLIT_BY_TRANSFORMERS | _SPLIT_DIGITS:
        raise UnsupportedModel(
            f"{header.path} splits text by the rule {rule!r}, which is not known here; "
            "use the model's safetensors files (a folder or a hub id)"
        )
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            str(header.path.parent), gguf_file=header.path.name, local_files_only=True
        )
    except Exception as error:
        raise CorruptModel(
            f"{header.path} holds no readable tokenizer ({reason(error)}); download it again"
        ) from None
    if rule in _SPLIT_DIGITS:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    return tokenizer

"""The tokenizer inside a GGUF file."""

from __future__ import annotations

import json

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.gguf_config import end_texts
from longspan.loading.gguf_header import GgufHeader
from longspan.loading.reason import panics_raised, reason

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
_CONTROL, _USER_DEFINED = 3, 4
"""Kinds of tokens that are found in a text before it is split."""
_MODELS = ("gpt2", "llama")
_TOKENS = ("bos", "eos", "unknown", "padding")
_FLAGS = ("add_bos_token", "add_eos_token", "add_space_prefix")
_SPLIT_DIGITS = {"smollm"}
_WHOLE_WORDS = _WITH_BEGIN = {"llama3", "llama-v3", "llama-bpe", "tekken"}
"""Where a word of the vocabulary is one token whether merges lead to it or not, and a text gets a begin token."""


def tokenizer_of(header: GgufHeader) -> PreTrainedTokenizerFast:
    """The fast tokenizer of the model in the file, with its chat template if the file has one.

    transformers builds it from the file's vocabulary and merges. The rule by which text is split before
    merging is only named in the file: names that transformers does not know would be split as in GPT-2 and
    give other tokens than the model learned, so they are refused with `UnsupportedModel`. SmolLM's rule, each
    digit by itself and then as in GPT-2, is set here: transformers leaves the digits out, which changes how
    blanks and line breaks before a number are read. What the file leaves open is as in llama.cpp: begin token, words
    taken whole, the blank before a text, and tokens that end a turn by their text though marked as ordinary.
    """
    _check(header)
    rule = header.single("tokenizer.ggml.pre")
    byte_level = header.single("tokenizer.ggml.model") == "gpt2"
    if byte_level and rule not in _SPLIT_BY_TRANSFORMERS | _SPLIT_DIGITS:
        raise UnsupportedModel(
            f"{header.path} splits text by the rule {rule!r}, which is not known here; "
            "use the model's safetensors files (a folder or a hub id)"
        )
    try:
        with panics_raised():
            tokenizer = PreTrainedTokenizerFast.from_pretrained(
                str(header.path.parent), gguf_file=header.path.name, local_files_only=True
            )
            tokenizer = _as_spelled(header, tokenizer)
    except Exception as error:
        raise CorruptModel(
            f"{header.path} holds no readable tokenizer ({reason(error)}); download it again"
        ) from None
    backend = tokenizer.backend_tokenizer
    if rule in _SPLIT_DIGITS:
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    if byte_level:
        backend.model.ignore_merges = rule in _WHOLE_WORDS
    elif header.single("tokenizer.ggml.add_space_prefix") is False:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never", split=False)
        backend.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        )
    _begin(header, tokenizer, byte_level=byte_level, rule=rule)
    return tokenizer


def _check(header: GgufHeader) -> None:
    """Raises `CorruptModel` where lists of the vocabulary are of another length or kind than they have to be."""
    kind = header.single("tokenizer.ggml.model")
    if kind not in _MODELS:
        raise UnsupportedModel(
            f"{header.path} has a tokenizer of the kind {kind!r} and {' and '.join(map(repr, _MODELS))} are read; "
            "use the model's safetensors files (a folder or a hub id)"
        )
    tokens = header.texts("tokenizer.ggml.tokens")
    header.numbers("tokenizer.ggml.token_type")
    if kind == "gpt2" and "tokenizer.ggml.merges" not in header.arrays | header.metadata:
        raise header.corrupt("it lists no merges of tokens")
    for name in ("token_type", "scores"):
        count = header.arrays.get(f"tokenizer.ggml.{name}", len(tokens))
        if count != len(tokens):
            raise header.corrupt(f"it lists {count:,} values of {name!r} for {len(tokens):,} tokens")
    for merge in header.texts("tokenizer.ggml.merges"):
        if len(merge.split(" ")) != 2 or not all(merge.split(" ")):
            raise header.corrupt(f"merge {merge[:40]!r} is not two parts with a blank between them")
    for name in _TOKENS:
        token = header.single(f"tokenizer.ggml.{name}_token_id")
        if token is not None and (type(token) is not int or not 0 <= token < len(tokens)):
            raise header.corrupt(f"token id {name!r} is {token!r} and it names {len(tokens):,} tokens")
    for name in _FLAGS:
        flag = header.single(f"tokenizer.ggml.{name}")
        if not isinstance(flag, bool | None):
            raise header.corrupt(f"metadata {name!r} is {flag!r}, allowed are true and false")
    if not isinstance(header.single("tokenizer.chat_template"), str | None):
        raise header.corrupt("its chat template is no text")


def _as_spelled(header: GgufHeader, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer with the control tokens of the file, each under its own text and number, and no others.

    transformers spells those with characters outside the byte alphabet in bytes, so that text becomes them no more, and
    adds tokens of its own behind the vocabulary, which the model does not have.
    """
    known = {text: token for token, text in enumerate(header.texts("tokenizer.ggml.tokens"))}
    kinds = dict(enumerate(header.numbers("tokenizer.ggml.token_type")))
    added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    special = {*tokenizer.special_tokens_map.values(), *end_texts(known)}
    special |= {each.content for each in added.values() if each.special}
    special |= {text for text, token in known.items() if kinds.get(token) == _CONTROL}
    control = {
        token: text for text, token in known.items() if text in special or kinds.get(token) == _USER_DEFINED
    }
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    model = whole["model"]
    if model["type"] == "BPE":
        spelled = {token: piece for piece, token in model["vocab"].items() if token not in control}
        model["vocab"] = {spelled.get(token, text): token for text, token in known.items()}
    backend = Tokenizer.from_str(json.dumps(whole | {"added_tokens": []}))
    backend.add_tokens(
        [AddedToken(text, normalized=False, special=text in special) for text in control.values()]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, chat_template=tokenizer.chat_template, **tokenizer.special_tokens_map
    )


def _begin(header: GgufHeader, tokenizer: PreTrainedTokenizerFast, *, byte_level: bool, rule: object) -> None:
    """Sets whether a text gets a begin token: as the file says, else as is usual for its kind of tokenizer."""
    if tokenizer.bos_token is None and not byte_level:
        tokenizer.bos_token = tokenizer.convert_ids_to_tokens(1)
    if tokenizer.eos_token is None and not byte_level:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(2)
    usual = not byte_level or rule in _WITH_BEGIN
    adds = header.single("tokenizer.ggml.add_bos_token", usual)
    tokenizer.add_bos_token = bool(adds) and tokenizer.bos_token is not None
    tokenizer.add_eos_token = False

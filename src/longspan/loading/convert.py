"""From a GGUF file to a folder that transformers loads in a moment.

The weights are dequantized by the `gguf` package and stored as safetensors, together with config and
tokenizer. transformers can read GGUF files itself; it takes several times as long, needs accelerate, has no
progress that a caller could show, and ignores how Llama 3 files tell their rotary scaling. Tests compare the
two conversions weight by weight.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, PretrainedConfig

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.gguf_config import ROPE_FACTORS, config_of, family_of, generation_config_of
from longspan.loading.gguf_header import GgufHeader, GgufTensor
from longspan.loading.gguf_tokenizer import tokenizer_of
from longspan.loading.reason import reason
from longspan.progress import Progress, Watcher

SHARD_BYTES = 2_000_000_000
"""No file of weights is larger, so that no more than this is held in memory while converting."""


def converted_bytes(header: GgufHeader, dtype: torch.dtype) -> int:
    """Bytes of the weights once converted."""
    return sum(int(np.prod(tensor.shape)) for tensor in header.tensors.values()) * dtype.itemsize


def convert(header: GgufHeader, folder: Path, dtype: torch.dtype, progress: Watcher | None) -> None:
    """Write the model of a GGUF file into `folder` as safetensors, config and tokenizer.

    Raises `CorruptModel` when tensors are missing or of another shape than the metadata says, and
    `UnsupportedModel` for what the family's model in transformers has no place for.
    """
    config = config_of(header)
    config.dtype = dtype
    names = names_in_transformers(header, config)
    tokenizer_of(header).save_pretrained(folder)
    config.save_pretrained(folder)
    generation_config_of(header).save_pretrained(folder)
    total = sum(header.tensors[name].size for name in names)
    done = 0
    shards = list(_shards(header, names, dtype))
    index = {}
    for number, shard in enumerate(shards, 1):
        file = (
            f"model-{number:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else "model.safetensors"
        )
        weights = {}
        for name in shard:
            _tell(progress, done, total)
            weights[names[name]] = expanded_weight(header, header.tensors[name], config).to(dtype)
            index[names[name]] = file
            done += header.tensors[name].size
        save_file(weights, folder / file, metadata={"format": "pt"})
    _tell(progress, total, total)
    if len(shards) > 1:
        listing = {"metadata": {"total_size": converted_bytes(header, dtype)}, "weight_map": index}
        (folder / "model.safetensors.index.json").write_text(json.dumps(listing, indent=1), encoding="utf-8")


def _tell(progress: Watcher | None, done: int, total: int) -> None:
    if progress is not None:
        progress(Progress(processed=done, total=total, stage="converting", unit="bytes"))


def names_in_transformers(header: GgufHeader, config: PretrainedConfig) -> dict[str, str]:
    """GGUF name -> name in transformers, for every tensor of the file, shapes checked."""
    architectures = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
    table = gguf.get_tensor_name_map(
        architectures[header.metadata["general.architecture"]], config.num_hidden_layers
    )
    try:
        with torch.device("meta"):
            state = AutoModelForCausalLM.from_config(config).state_dict()
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise CorruptModel(
            f"{header.path} is damaged: its metadata makes no model ({reason(error)}); download it again"
        ) from None
    names = {}
    for name, parameter in state.items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        stem, _, suffix = name.rpartition(".")
        gguf_name = f"{table.get_name(stem)}.{suffix}"
        tensor = header.tensors.get(gguf_name)
        if tensor is None or tensor.shape != tuple(parameter.shape):
            found = "is missing" if tensor is None else f"has shape {tensor.shape}"
            raise CorruptModel(
                f"{header.path} is damaged: tensor {gguf_name!r} {found} and {tuple(parameter.shape)} was "
                "expected; download it again"
            )
        names[gguf_name] = name
    if unknown := sorted(header.tensors.keys() - names.keys() - {ROPE_FACTORS}):
        raise UnsupportedModel(
            f"{header.path} holds tensors that {type(config).__name__} has no place for ({unknown[0]!r}, "
            f"{len(unknown)} in all); use the model's safetensors files (a folder or a hub id)"
        )
    return names


def _shards(header: GgufHeader, names: dict[str, str], dtype: torch.dtype) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for name in names:
        needed = int(np.prod(header.tensors[name].shape)) * dtype.itemsize
        if shard and size + needed > SHARD_BYTES:
            yield shard
            shard, size = [], 0
        shard.append(name)
        size += needed
    yield shard


def expanded_weight(header: GgufHeader, tensor: GgufTensor, config: PretrainedConfig) -> torch.Tensor:
    """The tensor in float32, its rows in transformers' order."""
    blocks = np.memmap(header.path, np.uint8, "r", tensor.start, (tensor.size,))
    try:
        values = gguf.dequantize(blocks.reshape(*tensor.shape[:-1], -1), tensor.kind)
    except NotImplementedError:
        raise UnsupportedModel(
            f"{header.path} is quantized as {tensor.kind.name}, which cannot be read; "
            "use a common quantization such as Q4_K_M or Q8_0"
        ) from None
    values = in_order(header, tensor, config, values)
    return torch.from_numpy(np.require(values, requirements=("C", "W")))


def in_order(
    header: GgufHeader, tensor: GgufTensor, config: PretrainedConfig, rows: np.ndarray
) -> np.ndarray:
    """Rows of a tensor, whatever they are made of, in transformers' order."""
    if family_of(header).interleaved:
        if ".attn_q." in tensor.name:
            return _halves(rows, config.num_attention_heads)
        if ".attn_k." in tensor.name:
            return _halves(rows, config.num_key_value_heads)
    return rows


def _halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head from rotary pairs (0, d/2, 1, d/2 + 1, ...) to two halves (0, 1, ..., d/2, ...)."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)

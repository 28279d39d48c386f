"""What a config says of a model, held against the weights: before anything is built, and after."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import PreTrainedModel
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

from longspan.errors import CorruptModel, LongspanError, UnsupportedModel
from longspan.loading.reason import reason

_LAYERS = re.compile(r"(num|n)_(\w+_)?layers?")
_DEPTHS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")
_SIZES = re.compile(
    r"(num|n)_(?!positions|ctx|labels)\w+|(\w+_)?(hidden|intermediate|vocab|embedding)_size|(\w+_)?head_dim"
)
_MAX_LABELS = 10_000
_FLOATS = ("F64", "F32", "F16", "BF16")
_FASTEST = 2 * math.pi
"""A rotation of more radians a token turns a whole circle between two of them."""


def stored_formats(files: Iterable[Path]) -> dict[str, str]:
    """The number format of every tensor in some safetensors files.

    Raises `CorruptModel` for a file whose header contradicts it, and for a tensor that is there twice.
    """
    formats: dict[str, str] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                found = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 (no dict)
        except (SafetensorError, OSError, ValueError) as error:
            if not str(path).isascii() and "UTF-8" in str(error) and str(path) in str(error):
                raise LongspanError(f"{path} has a name that is not UTF-8; rename it") from None
            raise CorruptModel(
                f"{path} is not a whole safetensors file ({reason(error)}); download the model again"
            ) from None
        if twice := sorted(found.keys() & formats.keys()):
            raise CorruptModel(
                f"{path.parent} holds tensor {twice[0]!r} in two of its files; download the model again"
            )
        formats |= found
    return formats


def check_sizes(path: Path, config: dict[str, object], files: list[Path], formats: dict[str, str]) -> None:
    """Raises `CorruptModel` for a config that asks for more than its weights can hold, or for what is no number.

    So nothing is built that would take hours or all memory.
    """
    held = sum(file.stat().st_size for file in files)
    for name, value in _numbers(config):
        where = f"{path} says {name}={str(value)[:40]}"
        if isinstance(value, float) and not math.isfinite(value):
            raise CorruptModel(f"{where}, which is no number; download the model again")
        if _LAYERS.fullmatch(name) and value > len(formats):
            raise CorruptModel(
                f"{where} and the weights are {len(formats):,} tensors; download the model again"
            )
        if name in _DEPTHS and value < 1:
            raise CorruptModel(f"{where}, allowed are 1 or more; download the model again")
        if (_SIZES.fullmatch(name) and value > held) or (name == "num_labels" and value > _MAX_LABELS):
            raise CorruptModel(f"{where} and the weights are {held:,} bytes; download the model again")


def check_quantization(path: Path, config: dict[str, object], device: torch.device) -> None:
    """Raises `UnsupportedModel` for a way to quantize weights that is not read here, nor on a GPU by transformers."""
    quantization = config.get("quantization_config")
    method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization
    known = {name.removesuffix("_4bit").removesuffix("_8bit") for name in AUTO_QUANTIZATION_CONFIG_MAPPING}
    if device.type == "cpu":
        known = set()
    if quantization is not None and not (isinstance(method, str) and method in known):
        raise UnsupportedModel(
            f"{path} says that the weights are quantized by {str(method)[:40]!r}, which is not read here; take the "
            "model in bfloat16, quantized by gptq or awq, or as a .gguf file"
        )


def check_places(
    folder: Path,
    config: dict[str, object],
    network: PreTrainedModel,
    formats: dict[str, str],
    unexpected: Iterable[str],
) -> None:
    """Raises `CorruptModel` for weights beside those that the network took which belong to one of its parts.

    A bias, a scale or a layer that the config does not mention would be left out without a word. Weights are
    `UnsupportedModel` if they are in whole numbers or eight bits and no config says how they are to be read.
    """
    left = set(unexpected)
    for name in sorted(left):
        for full in (name, f"{network.base_model_prefix}.{name}"):
            if _belongs(full, network, further=not _predicts_further(config)):
                raise CorruptModel(
                    f"{folder} holds weight {name!r}, for which its config.json has no place; download the model again"
                )
    if config.get("quantization_config") is None:
        for name, kind in formats.items():
            if name.endswith(".weight") and name not in left and kind not in _FLOATS:
                raise UnsupportedModel(
                    f"{folder} holds weight {name!r} in {kind} and does not say how it is to be read; "
                    "take the model in bfloat16 or as a .gguf file"
                )


def check_frequencies(folder: Path, network: PreTrainedModel) -> None:
    """Raises `CorruptModel` for rotary parameters of which no rotation can be made."""
    for module in network.modules():
        for name, values in module.named_buffers(recurse=False):
            if name.endswith("inv_freq") and not bool(((values >= 0) & (values < _FASTEST)).all()):
                raise CorruptModel(
                    f"the rotary parameters of {folder} make frequencies from {float(values.min()):.3g} to "
                    f"{float(values.max()):.3g} radians a token; correct its config.json or download the model again"
                )
        for name, value in vars(module).items():
            if name.endswith("attention_scaling") and not 0 < value < math.inf:
                raise CorruptModel(
                    f"the rotary parameters of {folder} make an attention factor of {value}; correct its config.json "
                    "or download the model again"
                )


def _numbers(config: dict[str, object]) -> Iterator[tuple[str, int | float]]:
    """Every number that has a name, in parts of the config too."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value


def _belongs(name: str, network: PreTrainedModel, *, further: bool) -> bool:
    """Whether a weight that the network has no place for belongs to a part that has weights of its own."""
    parent, _, _ = name.rpartition(".")
    try:
        part: nn.Module | None = network.get_submodule(parent)
    except AttributeError:
        part = None
    if part is not None:
        return bool(parent) and not list(part.children()) and bool(list(part.parameters()))
    first = re.sub(r"\.\d+\.", ".0.", name)
    return further and first != name and first in network.state_dict()


def _predicts_further(config: dict[str, object]) -> bool:
    """Whether the model came with layers that predict several tokens, which transformers leaves out."""
    return any(value for name, value in config.items() if "nextn" in name or "mtp" in name)

"""A model folder in transformers' format: what it must hold, and what is refused unread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
"""Endings of weight files that would have to be unpickled, which can run any code."""


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights of the model in `folder`, sorted by name.

    Raises `ModelNotFound` when there is no model in the folder, `CorruptModel` when files are missing, and
    `UnsupportedModel` for weights that would have to be unpickled and for adapters.
    """
    config = read_json(folder / "config.json")
    if (folder / "adapter_config.json").exists():
        raise UnsupportedModel(
            f"{folder} holds an adapter, not a whole model; merge it into its base model first"
        )
    for attention in _attention_code(config):
        raise UnsupportedModel(
            f"{folder / 'config.json'} asks for attention code {attention!r}, which is not run; "
            "remove that entry"
        )
    if (folder / _WEIGHTS).is_file():
        return [folder / _WEIGHTS]
    if (folder / _INDEX).is_file():
        return _shards(folder)
    if pickles := sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES):
        raise UnsupportedModel(
            f"{folder} has its weights only in {pickles[0]}, and unpickling a file can run any code it "
            "brings; convert the weights to safetensors first"
        )
    raise ModelNotFound(f"{folder} holds no {_WEIGHTS} and no {_INDEX}; {_advice(folder)}")


def _attention_code(config: dict[str, object]) -> Iterator[object]:
    """Attention implementations that the config or a part of it names, other than transformers' own."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _attention_code(value)
        elif "attn_implementation" in key and value not in (None, "eager", "sdpa"):
            yield value


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file of a model folder; `CorruptModel` or `ModelNotFound` when there is none."""
    if not path.is_file():
        raise ModelNotFound(
            f"{path.parent} is not a model folder: it has no {path.name}; {_advice(path.parent)}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CorruptModel(f"{path} is not a JSON object; download the model again")
    return content


def _shards(folder: Path) -> list[Path]:
    listing = read_json(folder / _INDEX).get("weight_map")
    names = set(listing.values()) if isinstance(listing, dict) else set()
    if not names:
        raise CorruptModel(f"{folder / _INDEX} lists no weights; download the model again")
    for name in names:
        if not isinstance(name, str) or PurePosixPath(name).name != name or not name.endswith(".safetensors"):
            raise CorruptModel(
                f"{folder / _INDEX} lists {name!r} as a file of weights; download the model again"
            )
        if not (folder / name).is_file():
            raise CorruptModel(f"{folder} lacks {name}, which its index lists; download the model again")
    return sorted(folder / name for name in names)


def _advice(folder: Path) -> str:
    ggufs = sorted(folder.glob("*.gguf"))
    return (
        f"did you mean {ggufs[0]}?" if ggufs else "name a folder with config.json, tokenizer and safetensors"
    )

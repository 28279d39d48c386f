"""Tensors and a manifest in one safetensors file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from longspan.contexts.header import CHECKSUM_AT, Part, compose, damaged, opened, verified
from longspan.contexts.saving import saving

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_PIECE = 1 << 26
_ALIGNED = 64


def write(path: Path, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
    """Writes a file that is there whole or not at all; a file of before stays until then.

    Tensors may be on any device, mapped, and views of larger ones; they are copied in pieces of at most 64 MiB. Raises
    ContextError when the file cannot be written.
    """
    # Tensors of whole cache lines first: so every one begins as well aligned as in memory.
    order = sorted(
        tensors, key=lambda name: (tensors[name].nbytes % _ALIGNED > 0, -tensors[name].itemsize, name)
    )
    header = compose([_part(name, tensors[name]) for name in order], manifest)
    digest = hashlib.sha256(header)
    with saving(path) as file:
        file.write(header)
        for name in order:
            for piece in _pieces(tensors[name]):
                data = piece.cpu().contiguous().flatten().view(torch.uint8).numpy().data
                digest.update(data)
                file.write(data)
        file.seek(CHECKSUM_AT)
        file.write(digest.hexdigest().encode())


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the manifest of a file, after every byte was checked.

    The tensors lie in the file, which is mapped: they come to memory as they are used, and what is written to them
    is not written to the file. Raises ContextError for a file that is missing, truncated, altered, or no context.
    """
    with opened(path) as file:
        header = verified(file, path)
    try:
        with safe_open(path, framework="pt") as content:
            same = content.metadata()["checksum"] == header.checksum
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise damaged(path, " ".join(str(error).split())) from None
    if not same:
        raise damaged(path, "it was replaced while it was read")
    return tensors, header.manifest


def _part(name: str, tensor: Tensor) -> Part:
    return Part(name=name, dtype=_DTYPES[tensor.dtype], shape=tensor.shape, nbytes=tensor.nbytes)


def _pieces(tensor: Tensor) -> Iterator[Tensor]:
    """The tensor's values in order, as tensors of at most 64 MiB."""
    if tensor.nbytes <= _PIECE:
        yield tensor
    elif tensor.is_contiguous():
        yield from tensor.flatten().split(_PIECE // tensor.itemsize)
    else:
        for row in tensor:
            yield from _pieces(row)

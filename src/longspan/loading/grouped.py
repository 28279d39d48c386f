"""Matrices of GPTQ and AWQ checkpoints: whole numbers with a scale and a zero point for each group of inputs.

GPTQ (https://arxiv.org/abs/2210.17323) as AutoGPTQ and GPTQModel store it, AWQ (https://arxiv.org/abs/2306.00978) as
AutoAWQ's "gemm" does. A weight is scale · (number − zero point).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.weights import METHODS

_ADVICE = "take the model in bfloat16 or as a .gguf file"
_BITS = {"gptq": (2, 4, 8), "awq": (4,)}
_FORMATS = {"gptq": ("gptq", "gptq_v2"), "awq": ("gemm",)}
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)
"""Where the first, second and further of eight outputs lie in a word."""

PARTS = ("qweight", "qzeros", "scales", "g_idx")


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How a checkpoint stores its matrices.

    minus_one: zero points are stored less one, as the first format of GPTQ does. mixed: some matrices have other bits.
    """

    method: str
    bits: int
    group: int
    minus_one: bool
    mixed: bool

    @classmethod
    def of(cls, path: Path, said: Mapping[str, Any]) -> Self:
        """The scheme that a config names. Raises UnsupportedModel, with the name, for what is not read here."""
        method = said.get("quant_method")
        if method not in METHODS:
            raise UnsupportedModel(
                f"{path} says that the weights are quantized by {str(method)[:40]!r}, and {' and '.join(METHODS)} are "
                f"read; {_ADVICE}"
            )
        bits, group = said.get("bits"), said.get("group_size", 128)
        if bits not in _BITS[method] or isinstance(bits, bool):
            raise UnsupportedModel(
                f"{path} says that {method} weights have {str(bits)[:40]} bits, and "
                f"{' or '.join(map(str, _BITS[method]))} are read; {_ADVICE}"
            )
        if not isinstance(group, int) or isinstance(group, bool) or (group < 1 and group != -1):
            raise CorruptModel(
                f"{path} says group_size={str(group)[:40]}, allowed are -1 and 1 or more; {_ADVICE}"
            )
        key = "checkpoint_format" if method == "gptq" else "version"
        known = _FORMATS[method]
        layout = str(said.get(key, said.get("checkpoint_format", known[0]))).lower()
        if layout not in known:
            raise UnsupportedModel(
                f"{path} says that {method} weights are stored as {layout[:40]!r}, and {' and '.join(known)} are read; "
                f"{_ADVICE}"
            )
        if (words := str(said.get("pack_dtype", "int32"))) not in ("int32", "torch.int32"):
            raise UnsupportedModel(f"{path} packs numbers into {words[:40]!r}, and int32 is read; {_ADVICE}")
        mixed = bool(said.get("dynamic"))
        return cls(method=method, bits=bits, group=group, minus_one=layout == "gptq", mixed=mixed)


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """A matrix. numbers: int16 `[rows, columns]`. zeros, scales: int16 and fp32 `[rows, groups]`. groups: which of them
    are each column's, int64 `[columns]`."""

    numbers: Tensor
    zeros: Tensor
    scales: Tensor
    groups: Tensor

    @classmethod
    def of(cls, where: str, scheme: Scheme, shape: tuple[int, int], parts: Mapping[str, Tensor]) -> Self:
        """The matrix of `shape` that some tensors hold. Raises CorruptModel where they contradict it or one another.

        where: file and name, for errors.
        """
        rows, columns = shape
        bits, words = scheme.bits, _part(where, parts, "qweight", torch.int32)
        along = 0 if scheme.method == "gptq" else 1
        if scheme.mixed and words.dim() == 2 and words.shape[along] * 32 % shape[1 - along] == 0:
            bits = words.shape[along] * 32 // shape[1 - along]
        size = 32 // bits if bits in _BITS[scheme.method] else 0
        expected = (columns, rows)
        packed_shape = tuple(
            -(-each // size) if size and axis == along else each for axis, each in enumerate(expected)
        )
        scales, zeros = _part(where, parts, "scales", None), _part(where, parts, "qzeros", torch.int32)
        count = scales.shape[0] if scales.dim() == 2 else 0
        wanted = {
            "qweight": (words, packed_shape),
            "scales": (scales, (count, rows)),
            "qzeros": (zeros, (count, -(-rows // size) if size else 0)),
        }
        for name, (tensor, each) in wanted.items():
            if tuple(tensor.shape) != each or not size or not count:
                raise _corrupt(
                    where, f"{name!r} has shape {tuple(tensor.shape)} for {rows} rows of {columns} weights"
                )
        if not bool(scales.isfinite().all()):
            raise _corrupt(where, "'scales' holds what is no number")
        groups = cls._groups(where, scheme, columns, count, parts)
        order = _AWQ_ORDER if scheme.method == "awq" else None
        if scheme.minus_one:
            ones = sum(1 << place for place in range(0, 32, bits))
            zeros = ((zeros.long() + ones) & 0xFFFFFFFF).to(torch.int64)
        numbers = _unpacked(words, bits, along, None if along == 0 else order)[:columns, :rows].T
        points = _unpacked(zeros, bits, 1, order)[:, :rows].T
        return cls(numbers=numbers, zeros=points, scales=scales.float().T.contiguous(), groups=groups)

    @staticmethod
    def _groups(where: str, scheme: Scheme, columns: int, count: int, parts: Mapping[str, Tensor]) -> Tensor:
        if (told := parts.get("g_idx")) is not None:
            if told.shape != (columns,) or told.dtype not in (torch.int32, torch.int64):
                raise _corrupt(where, f"'g_idx' has shape {tuple(told.shape)} and type {told.dtype}")
            if not bool(((told >= 0) & (told < count)).all()):
                raise _corrupt(where, f"'g_idx' names groups beyond the {count} that there are")
            return told.long()
        size = columns if scheme.group == -1 else scheme.group
        if -(-columns // size) != count:
            raise _corrupt(where, f"{count} groups of {size} do not make {columns} columns")
        return torch.arange(columns) // size

    @property
    def expanded(self) -> Tensor:
        """The weights, fp32 `[rows, columns]`."""
        return (self.numbers - self.zeros[:, self.groups]) * self.scales[:, self.groups]


def _part(where: str, parts: Mapping[str, Tensor], name: str, dtype: torch.dtype | None) -> Tensor:
    tensor = parts.get(name)
    if tensor is None:
        raise _corrupt(where, f"{name!r} is missing")
    if tensor.dtype is not dtype if dtype is not None else not tensor.dtype.is_floating_point:
        raise _corrupt(where, f"{name!r} is of type {str(tensor.dtype).removeprefix('torch.')}")
    return tensor


def _unpacked(words: Tensor, bits: int, along: int, order: tuple[int, ...] | None) -> Tensor:
    """The numbers of words, the first in the lowest bits, along a dimension: int16."""
    places = [words >> place & (1 << bits) - 1 for place in range(0, 32, bits)]
    if order is not None:
        places = [places[place] for place in order]
    return torch.stack([each.to(torch.int16) for each in places], along + 1).flatten(along, along + 1)


def _corrupt(where: str, problem: str) -> CorruptModel:
    return CorruptModel(f"{where} is damaged: {problem}; download the model again")

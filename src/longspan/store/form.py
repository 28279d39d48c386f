"""In which form entries are kept."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from longspan.kernels.decoding import Coding
from longspan.store.state import State

Learns: TypeAlias = Literal["", "chunk", "end"]
"""When a form learns from what is stored: never, once the first chunk is there, or at the end of the prompt."""

Columns: TypeAlias = tuple[Tensor, ...]
"""Tensors `[heads, n / per, w]` that hold n entries, per = 1 or the form's block; the first has per = 1."""


class Form(State):
    """How one layer of one sequence keeps its keys and values; a codec makes one for each.

    block: entries that are encoded together, because they share numbers such as scales.
    recent: last entries that stay as the model made them. learns: "chunk" for a form that must see the first chunk
    before it can encode, "end" for one that must see the whole prompt and its last queries; until then all entries
    stay as the model made them. Entries are encoded in whole blocks, oldest first, as they leave the recent ones.
    """

    block: int = 1
    recent: int = 0
    learns: Learns = ""

    @property
    def at_once(self) -> bool:
        """Whether every entry is encoded on its own as soon as it comes."""
        return self.block == 1 and self.recent == 0 and self.learns == ""

    @property
    def ready(self) -> bool:
        """Whether it can encode; a form that learns cannot until `learn` was called."""
        return True

    def learn(self, keys: Tensor, values: Tensor, queries: Tensor) -> None:
        """Sees the entries stored so far, `[heads, n, dim]`, and the last queries that the codec observes.

        queries `[query heads, w, dim]`, rotated; w = 0 where the codec observes none.
        """

    @abstractmethod
    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Columns of keys and of values. keys and values `[g, n, dim]`, n a multiple of the block.

        rows int64 `[g]`: the KV head to which each row belongs.
        """

    @abstractmethod
    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The way back: `[g, n, dim]` in `dtype`.

        Columns with per = block may also come entry by entry, n rows long, when single entries were picked.
        """

    @abstractmethod
    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise for values."""

    def coding(self, columns: Columns) -> Coding | None:
        """How the kernels of generated tokens find vectors in such columns; None where only the form itself can.

        Columns that a kernel reads are numbers, scales and zero points, in this order.
        """
        return None


class Plain(Form):
    """The model's own numbers."""

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Keys and values themselves."""
        return (keys,), (values,)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The stored tensor itself, without a copy when the dtype is the same."""
        return columns[0].to(dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise."""
        return columns[0].to(dtype)

    def coding(self, columns: Columns) -> Coding | None:
        """Numbers alone, in the formats that kernels know."""
        bits = {torch.bfloat16: 16, torch.float32: 32}.get(columns[0].dtype)
        return None if bits is None else Coding(bits)


def scaled(columns: Columns, bits: int) -> Coding:
    """The coding of whole numbers with a scale, and perhaps a zero point, for equal parts of entries or of blocks."""
    numbers, scale = columns[0], columns[1]
    return Coding(bits, numbers.shape[1] // max(1, scale.shape[1]), scale.shape[2])

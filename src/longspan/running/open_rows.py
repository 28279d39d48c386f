"""The rows of all layers of a sequence, open for its next entries, and where they lie."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.kernels.steps import put
from longspan.running.sequence import Sequence

_EVERYTHING = 1 << 62


class OpenRows:
    """A table of where entries go and which are seen, kept as long as rows stay where they are.

    table: int64 `[layers, 8, kv_heads]`, the fields of OpenRow. moved: how often rows were found elsewhere, or became
    longer or shorter otherwise than token by token.
    """

    def __init__(self, sequence: Sequence, dtype: torch.dtype) -> None:
        self.engine, self._dtype = sequence.engine, dtype
        self.moved = 0
        self._moves: list[int | None] = []
        self._seen: list[int] = []
        windows = self.engine.windows
        self.windows = torch.tensor([_EVERYTHING if each is None else each for each in windows])[:, None]
        self._short = [
            (layer.store, each)
            for layer, each in zip(sequence.layers, windows, strict=True)
            if each is not None
        ]
        self._stores = [layer.store for layer in sequence.layers]
        self._added: set[int] = set()
        self.table = torch.zeros(0)

    def ready(self) -> bool:
        """Makes room for one more entry in each row; whether there is some in all layers."""
        self._added.clear()
        moves = [store.ready(self._dtype) for store in self._stores]
        seen = [store.seen for store in self._stores]
        if moves != self._moves or seen != self._seen:
            if None in moves or not all(store.whole for store, _ in self._short):
                return False
            rows = [store.opened(None) for store in self._stores]
            self.table = torch.tensor(rows, dtype=torch.int64).transpose(1, 2).contiguous()
            self._moves, self._seen = moves, seen
            self.moved += 1
        self.firsts(self.lengths, out=self.table[:, 4])
        return True

    @property
    def lengths(self) -> Tensor:
        """Entries of each row, those included that are shared: `[layers, kv_heads]`."""
        return self.table[:, 3] + self.table[:, 7]

    def firsts(self, lengths: Tensor, *, out: Tensor) -> None:
        """The first entry that one sees which comes behind so many, `[layers, rows]`."""
        torch.sub(lengths + 1, self.windows, out=out).clamp_(min=0)

    def put(self, keys: Tensor, values: Tensor, position: int) -> None:
        """Writes the next entry of each row: `[layers, kv_heads, dim]`."""
        put(self.table, keys, values, position)

    def add(self, layer: int, keys: Tensor, values: Tensor, position: int) -> None:
        """Writes the next entry of each row of a layer before the others are: `[kv_heads, dim]`."""
        put(self.table[layer : layer + 1], keys[None], values[None], position)
        self._stores[layer].grown()
        self._added.add(layer)

    def grown(self) -> None:
        """The next entry of each row was written, in every layer."""
        for layer, store in enumerate(self._stores):
            if layer not in self._added:
                store.grown()
        self.table[:, 3] += 1
        self._seen = [seen + 1 for seen in self._seen]
        for store, window in self._short:
            if store.lengths[0] >= 2 * window:
                store.forget_before(store.seen - window + 1)


def open_rows(sequence: Sequence, dtype: torch.dtype) -> OpenRows:
    """Those of a sequence, made once for a plan."""
    rows: OpenRows | None = sequence.open_rows
    if rows is None or rows.engine is not sequence.engine:
        rows = sequence.open_rows = OpenRows(sequence, dtype)
    return rows

"""The base of disposers that merge: dropped entries change the kept ones before they go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.disposers.base import Disposer
from longspan.policies.view import View
from longspan.store.layer import LayerStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One row, some of whose entries go.

    keys, values fp32 `[n, dim]` as stored (rotated, unless the plan keeps keys raw); scores fp32 `[n]`, +∞ for what
    must stay. kept `[m]` and dropped `[d]`: ascending indices, neither empty. number: which KV head it is.
    """

    keys: Tensor
    values: Tensor
    scores: Tensor
    kept: Tensor
    dropped: Tensor
    number: int


@dataclass(frozen=True, kw_only=True)
class Merger(Disposer):
    """Base of all disposers that merge; a subclass says in `merged` what becomes of one row.

    Numbers are fp32 while they are merged. A row that keeps everything or nothing is left alone.
    """

    @abstractmethod
    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Keys and values of the kept entries, fp32 `[m, dim]` each."""

    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Keeps the chosen entries, with the others merged into them."""
        keys, values = store.vectors()
        rows = [
            self._row(
                keys[number, :length], values[number, :length], scores[number, :length], chosen, number, view
            )
            for number, (length, chosen) in enumerate(zip(store.lengths, kept, strict=True))
        ]
        store.keep(kept, keys=[key for key, _ in rows], values=[value for _, value in rows])
        return kept

    def _row(
        self, keys: Tensor, values: Tensor, scores: Tensor, kept: Tensor, number: int, view: View
    ) -> tuple[Tensor, Tensor]:
        if len(kept) in (0, len(keys)):
            return keys[kept], values[kept]
        gone = torch.ones(len(keys), dtype=torch.bool, device=keys.device)
        gone[kept] = False
        row = Row(
            keys=keys.float(),
            values=values.float(),
            scores=scores,
            kept=kept,
            dropped=gone.nonzero()[:, 0],
            number=number,
        )
        new_keys, new_values = self.merged(row, view)
        return new_keys.to(keys.dtype), new_values.to(values.dtype)

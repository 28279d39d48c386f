"""The entries of texts that begin alike, as those of one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from longspan.store.layer import LayerStore
from longspan.store.tier import Vectors


def join(store: LayerStore, others: Sequence[LayerStore], start: int, *, by_position: bool) -> None:
    """Puts behind what a store holds what others hold from position `start` on, before which all hold the same.

    by_position: whether entries then lie in the order of their positions, and not text by text. What is encoded is
    decoded and encoded again.
    """
    store.rebuild([_row([store, *others], head, start, by_position) for head in range(store.heads)])
    store.seen = max(store.seen, *(each.seen for each in others))


def _row(stores: Sequence[LayerStore], head: int, start: int, by_position: bool) -> Vectors:
    first, *rest = (store.row(head) for store in stores)
    parts = [first, *([each[row[2] >= start] for each in row] for row in rest)]
    keys, values, positions = (torch.cat(some) for some in zip(*parts, strict=True))
    if not by_position:
        return keys, values, positions
    order = torch.argsort(positions, stable=True)
    return keys[order], values[order], positions[order]

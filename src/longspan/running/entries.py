"""What a layer holds of a text, for whoever wants to look."""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.positions.base import Positions
from longspan.running.placed import stored_map
from longspan.running.sequence import Sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Entries:
    """The entries of one layer of one text, decoded: copies, which nothing follows from.

    positions int64 `[kv_heads, n]`: where each stood in the text, ascending. lengths: entries of each row; what lies
    beyond is 0. keys, values `[kv_heads, n, dim]`. rotated: whether keys are, as the plan's positions turn them.
    """

    positions: Tensor
    lengths: list[int]
    keys: Tensor
    values: Tensor
    rotated: bool


def entries_of(sequences: abc.Sequence[Sequence], number: int, layer: int) -> Entries:
    """What one of the layers with attention holds of one of some texts, both counted from 0.

    Raises ValueError for others, and where nothing was read.
    """
    check_range("sequence", number, 0, len(sequences) - 1)
    sequence = sequences[number]
    check_range("layer", layer, 0, len(sequence.layers) - 1)
    if sequence.run == 0:
        raise ValueError("sequence holds no entries; read something first")
    engine, store = sequence.engine, sequence.layers[layer].store
    own = engine.windows[layer] is not None  # such layers keep the model's own positions
    scheme = Positions() if own else sequence.positions(sequence.place)
    turned = stored_map(scheme, sequence.rope(layer, sequence.place), raw=engine.raw and not own)
    with torch.inference_mode(False):
        keys, values = (each.clone() for each in store.vectors())
        return Entries(
            positions=store.positions().clone(),
            lengths=store.lengths,
            keys=keys,
            values=values,
            rotated=turned is not None,
        )

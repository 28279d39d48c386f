"""Encoders with a table of positions, read beyond it without training: LongEmbed's ways."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from longspan.errors import UnsupportedModel

Positions = Literal["stock", "interpolated", "grouped", "recurrent"]


def stretched_table(table: Tensor, positions: Positions, factor: int) -> Tensor:
    """A table of `factor` times as many positions, `[positions, dimensions]`.

    interpolated: position p is at p / factor, between two rows. grouped: `factor` neighbours share a row. recurrent:
    the table again and again. A factor of 1 leaves it as it is. Source: LongEmbed, https://arxiv.org/abs/2404.12096.
    """
    places = torch.arange(len(table) * factor)
    if positions == "recurrent":
        return table[places % len(table)]
    if positions == "grouped":
        return table[places // factor]
    below = places // factor
    above = (below + 1).clamp(max=len(table) - 1)
    share = ((places % factor) / factor)[:, None].to(table.dtype)
    return torch.lerp(table[below], table[above], share)


def stretched(network: Any, positions: Positions, factor: int) -> int | None:
    """Gives an encoder a longer table, and returns how many tokens it then takes; None where it has none.

    Raises UnsupportedModel for an encoder without a table that is to be stretched.
    """
    embeddings = getattr(network, "embeddings", None)
    held = getattr(embeddings, "position_embeddings", None)
    if embeddings is None or not isinstance(held, torch.nn.Embedding):
        if positions != "stock":
            raise UnsupportedModel(
                f"positions={positions} needs an encoder with a table of positions, as BERT has; "
                "leave positions out"
            )
        return None
    skipped = 0 if held.padding_idx is None else held.padding_idx + 1  # RoBERTa counts from there
    if positions != "stock":
        kept, rest = held.weight.data[:skipped], held.weight.data[skipped:]
        table = torch.cat([kept, stretched_table(rest, positions, factor)])
        embeddings.position_embeddings = torch.nn.Embedding.from_pretrained(
            table, padding_idx=held.padding_idx
        )
        places = torch.arange(len(table))[None]
        embeddings.register_buffer("position_ids", places, persistent=False)
        return len(table) - skipped
    return held.num_embeddings - skipped

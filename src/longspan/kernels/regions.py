"""Attention over a region of query–key pairs given by bounds, run as dense tiles."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from longspan.kernels.attention import Merge, attend
from longspan.kernels.tiles import Tile

# Largest mask made at a time.
_MASK_ELEMENTS = 1 << 22


def attend_tiles(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    tiles: Iterable[Tile],
    *,
    scale: float,
    softcap: float | None = None,
    into: Merge | None = None,
    by: float = 0.0,
) -> Merge | None:
    """Runs disjoint tiles and joins them. query `[heads, n, d]`, key and value `[kv_heads, m, d]`.

    by: what raises all scores.
    `into` holds what earlier parts of the same softmax gave; None stands for nothing so far, and is returned
    when there is no tile.
    """
    for tile in tiles:
        rows, keys = slice(tile.q0, tile.q1), slice(tile.k0, tile.k1)
        if tile.shape == "reverse":
            # Read backwards, "from the diagonal on" is "up to the diagonal".
            out, lse = attend(
                query[:, rows].flip(1),
                key[:, keys].flip(1),
                value[:, keys].flip(1),
                scale=scale,
                causal=True,
                softcap=softcap,
            )
            out, lse = out.flip(1), lse.flip(1)
        else:
            causal = tile.shape == "causal" and tile.q1 - tile.q0 > 1
            out, lse = attend(
                query[:, rows], key[:, keys], value[:, keys], scale=scale, causal=causal, softcap=softcap
            )
        into = join(into, out, lse, query, tile.q0, by=by)
    return into


def attend_entries(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    positions: Tensor,
    low: Tensor,
    high: Tensor,
    *,
    scale: float,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Attention over stored entries whose positions have gaps: query t sees low[t] ≤ position < high[t].

    positions `[kv_heads, m]`, low and high `[n]`. The mask is made for a few queries at a time.
    """
    heads, rows = query.shape[:2]
    step = max(1, _MASK_ELEMENTS // (heads * key.shape[1]))
    spread = positions.repeat_interleave(heads // key.shape[0], 0)[:, None, :]
    outs, lses = [], []
    for start in range(0, rows, step):
        some = slice(start, start + step)
        mask = (spread >= low[some, None]) & (spread < high[some, None])
        out, lse = attend(query[:, some], key, value, scale=scale, mask=mask, softcap=softcap)
        outs.append(out)
        lses.append(lse)
    return torch.cat(outs, 1), torch.cat(lses, 1)


def join(
    into: Merge | None,
    out: Tensor,
    lse: Tensor,
    query: Tensor,
    start: int = 0,
    heads: slice = slice(None),
    by: float = 0.0,
) -> Merge:
    """Adds a part for some heads and the query rows from `start` on; a first part that covers all is taken over.

    by: what raises the scores of the part.
    """
    lse = lse + by if by else lse
    if into is None:
        if out.shape[:2] == query.shape[:2]:
            return Merge(out, lse)
        into = Merge.empty(query.shape[0], query.shape[1], out.shape[2], query.device)
    into.add(out, lse, start, heads)
    return into


def with_sinks(out: Tensor, lse: Tensor, sinks: Tensor | None) -> Tensor:
    """A learned logit per head that takes part in the softmax and adds nothing (gpt-oss). sinks `[heads]`, or none."""
    if sinks is None:
        return out
    return out * torch.sigmoid(lse - sinks.float()[:, None])[..., None].to(out.dtype)

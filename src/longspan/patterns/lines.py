"""Vertical and slash lines: keys that many queries attend to, and distances at which many queries attend."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.patterns.base import PatternView

# Weights looked at together, in elements; bounds what a view computes at a time.
_WEIGHTS = 1 << 24


def line_sums(view: PatternView, last: int) -> tuple[Tensor, Tensor]:
    """What the last queries attend to, added up along lines: fp32 `[heads, m]` each.

    The first sum is by key, the second by distance: the weights between a query and the key so many places before it.
    last: how many queries, all of them where there are fewer.
    """
    if view.pieces == 1 and view.scene.softmax.softcap is None:
        return _of_products(view, last)
    heads, rows, keys = view.query.shape[0], view.query.shape[1], view.key.shape[1]
    vertical = view.query.new_zeros(heads, keys, dtype=torch.float32)
    aligned = torch.zeros_like(vertical)  # its last column is distance 0
    step = max(1, _WEIGHTS // (heads * keys))
    for start in range(max(0, rows - last), rows, step):
        weights = view.weights(slice(start, min(start + step, rows)))
        vertical += weights.sum(1)
        for row, each in enumerate(weights.unbind(1), start=start):
            back = rows - 1 - row
            aligned[:, back:] += each[:, : keys - back]
    return vertical, aligned.flip(1)


def _of_products(view: PatternView, last: int) -> tuple[Tensor, Tensor]:
    """The same without weights in fp32, several times as fast in bf16: queries and keys may be multiplied here.

    As in `kernels.bf16`, scores are made twice, the second time less each row's largest.
    """
    query, key, softmax = view.query[:, -last:], view.key, view.scene.softmax
    rows, keys = query.shape[1], key.shape[1]
    room = key.new_zeros(rows, keys + rows - 1)
    weights = room[:, rows - 1 :]
    # Moved by one place a row, so that equal distances stand below each other; the last column is distance 0.
    aligned = room.as_strided((rows, keys), (room.stride(0) + 1, 1))
    later = key.new_full((rows, rows), -torch.inf).triu(1)
    sums = key.new_empty(2, len(query), 1, keys)
    for head, each in enumerate(query):
        across = key[head // view.group].T
        torch.mm(each, across, out=weights)
        weights[:, -rows:] += later
        largest = weights.amax(-1, keepdim=True).mul_(softmax.scale)
        torch.addmm(-largest, each, across, alpha=softmax.scale, out=weights)
        weights[:, -rows:] += later
        total = weights.exp_().sum(-1, dtype=torch.float32)
        if softmax.sinks is not None:
            total += (softmax.sinks[head].float() - largest[:, 0].float()).exp()
        share = total.reciprocal()[None].to(key.dtype)
        torch.mm(share, weights, out=sums[0, head])
        torch.mm(share, aligned, out=sums[1, head])
    return sums[0, :, 0].float(), sums[1, :, 0].float().flip(1)


def slash_blocks(distances: Tensor, own: Tensor, key_blocks: int, block: int, width: int) -> Tensor:
    """The key blocks that slash lines run through: bool `[h, query_blocks, key_blocks]`, before each query block only.

    distances: bool `[h, m]`, which distances are lines. own: numbers of the query blocks. block: queries per query
    block, width: keys per key block, a divisor of block.
    """
    parts, reach = block // width, int(own[-1]) * (block // width)
    # The block that begins `back` blocks before a query block is run through by distances low .. high − 1.
    back = torch.arange(reach, 0, -1, device=own.device)
    low, high = (back - 1) * width + 1, back * width + block
    before = torch.nn.functional.pad(distances.cumsum(1), (1, 0))
    last = before.shape[1] - 1
    met = before[:, high.clamp(max=last)] > before[:, low.clamp(max=last)]
    # The same blocks back for every query block: neighbouring rows are one row, moved on by a query block.
    row = torch.cat((met, met.new_zeros(len(met), key_blocks)), 1)
    return row.unfold(1, key_blocks, parts)[:, : len(own)].flip(1)

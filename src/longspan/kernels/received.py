"""What keys receive of the attention of many queries, without the matrix of all weights.

Exact, in fp32, with two savings over the formula. The keys that causality hides from a whole block of queries take no
part. And on the processor products are those of oneDNN: where PyTorch's own product of fp32 matrices is not tuned for
the processor they take half the time, which is less than that of two bf16 products, one to find the largest score of
each row and one to take it off before it is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.softmax import Softmax, beside

# Weights that are held at a time, but of as many rows at least as make a product worth its while.
_WEIGHTS = 1 << 23
_ROWS = 32
# Keys of a product come in multiples of this, since each new shape is compiled.
_KEYS = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """Softmax of query · keyᵀ, in which a query sees the keys up to its own position.

    query `[heads, n, d]` at query_positions `[n]`, key `[kv_heads, m, d]` at positions `[kv_heads, m]`, both of any
    float format; positions are int64 and ascend. lengths: keys of each row, what lies behind them does not exist. A
    query that sees no key gives nothing.
    """

    query: Tensor
    key: Tensor
    positions: Tensor
    query_positions: Tensor
    lengths: list[int]
    softmax: Softmax

    def received(self, factors: Tensor | None = None) -> Tensor:
        """Sum of a key's weights over the queries, mean over the query heads of its group: fp32 `[kv_heads, m]`.

        factors: what the weights of each query count in each row, fp32 `[kv_heads, n]`; 1 where not given.
        """
        total = torch.zeros(self.key.shape[:2], device=self.key.device)
        if factors is None:
            factors = torch.ones(len(self.key), self.query.shape[1], device=self.key.device)
        for row in range(len(self.key)):
            for queries, weights in self._weights(row):
                summed = factors[row, queries].repeat_interleave(self._group) @ weights.flatten(0, 1)
                total[row, : len(summed)] += summed
        return total / self._group

    def strongest(self) -> Tensor:
        """The largest of a key's weights, over the queries and the heads of its group: fp32 `[kv_heads, m]`."""
        largest = torch.zeros(self.key.shape[:2], device=self.key.device)
        for row in range(len(self.key)):
            for _, weights in self._weights(row):
                mine = largest[row, : weights.shape[-1]]
                torch.maximum(mine, weights.amax((0, 1)), out=mine)
        return largest

    def shared(self, length: int) -> Tensor:
        """What each query gives each of `length` positions, mean over all heads: fp32 `[n, length]`."""
        total = torch.zeros(self.query.shape[1], length, device=self.key.device)
        for row in range(len(self.key)):
            for queries, weights in self._weights(row):
                at = self.positions[row, : weights.shape[-1]]
                total[queries].index_add_(1, at, weights.sum(1))
        return total / len(self.query)

    @property
    def _group(self) -> int:
        return len(self.query) // len(self.key)

    def _weights(self, row: int) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of queries with their weights over the first keys of a row, `[queries, group, keys]`."""
        length, count, group = self.lengths[row], self.query.shape[1], self._group
        if not length:
            return
        at, seeing = self.positions[row, :length].contiguous(), self.query_positions.contiguous()
        key = self.key[row, :length].float().contiguous()
        query = (
            self.query.unflatten(0, (-1, group))[row]
            .transpose(0, 1)
            .float()
            .mul(self.softmax.scale)
            .contiguous()
        )
        sinks = None if self.softmax.sinks is None else self.softmax.sinks.unflatten(0, (-1, group))[row]
        begin = int(torch.searchsorted(seeing, at[0]))
        step = _block(length, group)
        starts = torch.arange(begin, count, step, device=at.device)
        lasts = (starts + step - 1).clamp(max=count - 1)
        seen_by_all = torch.searchsorted(at, seeing[starts], right=True).tolist()
        seen = torch.searchsorted(at, seeing[lasts], right=True).tolist()
        for start, sure, end in zip(range(begin, count, step), seen_by_all, seen, strict=True):
            queries = slice(start, min(count, start + step))
            end = min(length, -(-end // _KEYS) * _KEYS)
            scores = self._scores(query[queries], key[:end])
            hidden = at[sure:end] > seeing[queries, None]
            scores[..., sure:].masked_fill_(hidden[:, None], -torch.inf)
            yield queries, beside(scores, sinks, out=scores)

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        return self.softmax.bounded(_product(query.flatten(0, 1), key).view(*query.shape[:2], len(key)))


def _block(keys: int, group: int) -> int:
    """Queries of a block: a power of two, so that shapes recur while a text grows."""
    queries = max(_ROWS, _WEIGHTS // keys) // group
    return 1 << max(1, queries).bit_length() - 1


def _product(left: Tensor, right: Tensor) -> Tensor:
    """left · rightᵀ, of contiguous fp32 matrices."""
    if left.device.type == "cpu" and torch.backends.mkldnn.is_available():
        product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
        return product
    return left @ right.T

"""Block-sparse attention in plain torch, on any device: chosen keys are gathered, batch by batch, and attended to."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.kernels import attention
from longspan.kernels.block_index import BlockIndex

Bounds = tuple[Tensor, Tensor]

# Keys gathered at a time, in elements; bounds the copy that a gather makes.
_GATHER_ELEMENTS = 1 << 23
# Scores under a mask at a time; bounds the mask and, where attention is plain, the scores.
_MASKED_ELEMENTS = 1 << 23

_flash_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: BlockIndex,
    *,
    scale: float,
    softcap: float | None,
    bounds: Bounds | None,
) -> tuple[Tensor, Tensor]:
    """Output and log-sum-exp, fp32; arguments as for `attend_blocks`, and checked: nothing is checked here."""
    parts = _Parts(query, key, value, block=index.block, scale=scale, softcap=softcap, bounds=bounds)
    parts.own()
    parts.visits(index.visits, index.width or index.block)
    if index.columns is not None:
        parts.visits(index.columns, 1)
    for bundle in index.bundles:
        parts.bundles(bundle.rows, bundle.columns, bundle.bonus)
    return parts.out, parts.lse


class _Parts:
    """Query blocks over the keys chosen for them, part after part under one softmax.

    query `[heads, n, d]`, key and value `[kv_heads, m, d]`; the queries are the last n of m positions. block: queries
    per block, aligned to index 0 of the keys. bounds: int64 `[n]` each, query t sees low[t] <= key < high[t]; None for
    no bounds. out `[heads, n, d]` and lse `[heads, n]`, fp32, hold what was added so far; no pair may be added twice.
    """

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        block: int,
        scale: float,
        softcap: float | None,
        bounds: Bounds | None,
    ) -> None:
        heads, rows, keys, device = query.shape[0], query.shape[1], key.shape[1], query.device
        self._query, self._key, self._value = query, key, value
        self._block, self._scale, self._softcap, self._bounds = block, scale, softcap, bounds
        start = keys - rows
        self._first = start // block
        edge = torch.arange(self._first, (keys - 1) // block + 2, device=device) * block - start
        self._begin, self._end = edge[:-1].clamp(min=0), edge[1:].clamp(max=rows)
        self.out = torch.zeros(heads, rows, value.shape[-1], device=device)
        self.lse = torch.full((heads, rows), -torch.inf, device=device)

    def own(self) -> None:
        """Each query block over itself, causally."""
        keys, rows = self._key.shape[1], self._query.shape[1]
        position = torch.arange(keys - rows, keys, device=self._query.device)
        low, high = self._bounds or (torch.zeros_like(position), position + 1)
        short = torch.cat((torch.zeros_like(position[:1]), (high <= position).cumsum(0)))
        whole = self._end - self._begin == self._block
        whole &= (short[self._end] == short[self._begin]) & (low[self._end - 1] <= position[self._begin])
        own = self._first + torch.arange(len(whole), device=whole.device)
        own = own[:, None].expand(len(self._key), -1, 1)
        self._lists(own.masked_fill(~whole[:, None], -1), self._block, causal=True)
        bounds = low, torch.minimum(high, position + 1)
        self._lists(own.masked_fill(whole[:, None], -1), self._block, bounds=bounds)

    def visits(self, visits: Tensor, width: int) -> None:
        """Each query block over its list of blocks of `width` keys, all before it; visits as in `BlockIndex`."""
        visits = visits.expand(max(len(visits), len(self._key)), -1, -1)
        if self._bounds is None:
            self._lists(visits, width)
            return
        low, high = self._bounds
        start, stop = visits * width, visits * width + width
        seen = (visits >= 0) & (stop > low[self._begin, None]) & (start < high[self._end - 1, None])
        inside = seen & (start >= low[self._end - 1, None]) & (stop <= high[self._begin, None])
        self._lists(_kept(visits, inside), width)
        self._lists(_kept(visits, seen & ~inside), width, bounds=self._bounds)

    def bundles(self, rows: Tensor, columns: Tensor, bonus: Tensor | None) -> None:
        """Every row of a bundle over every column of it; arguments as in `Bundle`."""
        if 0 in (*rows.shape, *columns.shape):
            return
        choosers = max(len(rows), len(columns), len(self._key))
        rows, columns = (each.expand(choosers, -1, -1) for each in (rows, columns))
        bonus = None if bonus is None else bonus.expand(choosers, -1, -1)
        gaps = bool((columns < 0).any())
        shared = len(self._query) // choosers
        number = torch.arange(choosers * rows.shape[1], device=rows.device)
        for members in rows.split(max(1, _MASKED_ELEMENTS // (columns.shape[2] * shared)), 2):
            scored = members.shape[2] * shared
            for some in _batches(number, columns.shape[2], self._key.shape[-1], scored):
                place = some // rows.shape[1], some % rows.shape[1]
                extra = None if bonus is None else bonus[place]
                chosen = place[0], members[place], columns[place]
                self._add(choosers, *chosen, bounds=self._bounds, bonus=extra, gaps=gaps)

    def _lists(
        self, visits: Tensor, width: int, *, causal: bool = False, bounds: Bounds | None = None
    ) -> None:
        """Query blocks with equally many rows and visits become batches. visits `[choosers, query_blocks, any]`."""
        choosers, blocks, _ = visits.shape
        counts = (visits >= 0).sum(-1)
        kinds, order = (counts * (self._block + 1) + self._end - self._begin).flatten().sort(stable=True)
        kinds, sizes = kinds.unique_consecutive(return_counts=True)
        for kind, alike in zip(kinds.tolist(), order.split(sizes.tolist()), strict=True):
            count, tokens = divmod(kind, self._block + 1)
            if count == 0:
                continue
            scored = 0 if bounds is None else tokens * len(self._query) // choosers
            for some in _batches(alike, count * width, self._key.shape[-1], scored):
                chooser, b = some // blocks, some % blocks
                rows = self._begin[b, None] + torch.arange(tokens, device=b.device)
                keys = visits[chooser, b, :count, None] * width + torch.arange(width, device=b.device)
                self._add(choosers, chooser, rows, keys.flatten(1), causal=causal, bounds=bounds)

    def _add(
        self,
        choosers: int,
        chooser: Tensor,
        rows: Tensor,
        keys: Tensor,
        *,
        causal: bool = False,
        bounds: Bounds | None = None,
        bonus: Tensor | None = None,
        gaps: bool = False,
    ) -> None:
        """One batch: for each chooser `[i]`, of `choosers` equal groups of heads, its rows `[i, r]` over keys `[i, k]`.

        bonus: what is added to scores, `[i, k]`. gaps: whether some of the keys are -1, which is none.
        """
        heads = len(self._query)
        shared = torch.arange(heads // choosers, device=rows.device)
        place = (chooser[:, None] * len(shared) + shared)[..., None], rows[:, None]
        of = (chooser * len(self._key) // choosers)[:, None], keys.clamp(0, self._key.shape[1] - 1)
        query, key, value = self._query[place], self._key[of], self._value[of]
        if bounds is None and bonus is None and not gaps:
            out, lse = attention.attend(
                query.flatten(0, 1), key, value, scale=self._scale, softcap=self._softcap, causal=causal
            )
            out, lse = out.view(*query.shape[:3], -1), lse.view(query.shape[:3])
        else:
            seen = (keys >= 0)[:, None].expand(-1, rows.shape[1], -1)
            if bounds is not None:
                low, high = bounds[0][rows], bounds[1][rows]
                seen = seen & (keys[:, None] >= low[..., None]) & (keys[:, None] < high[..., None])
            bias = torch.zeros((), device=rows.device) if bonus is None else bonus[:, None]
            out, lse = self._biased(query, key, value, bias.where(seen, -torch.inf))
        before = self.lse[place]
        joint = torch.logaddexp(before, lse)
        base = joint.masked_fill(joint == -torch.inf, 0.0)
        total = self.out[place].mul_(torch.exp(before - base)[..., None])
        self.out[place] = total.add_(out * torch.exp(lse - base)[..., None])
        self.lse[place] = joint

    def _biased(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """query `[i, shared, r, d]`, key and value `[i, k, d]`, bias fp32 `[i, r, k]`, with -∞ where none is seen."""
        bias = bias[:, None]
        if query.device.type == "cpu" and self._softcap is None and key.shape[-1] == value.shape[-1]:
            wide = bias.expand(*query.shape[:3], -1)
            out, lse = _flash_cpu(
                query, key[:, None], value[:, None], 0.0, False, attn_mask=wide, scale=self._scale
            )
            blind = (bias == -torch.inf).all(-1)
            return out.masked_fill(blind[..., None], 0.0), lse.masked_fill(blind, -torch.inf)
        scores = query.float() @ key[:, None].float().transpose(-1, -2) * self._scale
        if self._softcap is not None:
            scores = self._softcap * torch.tanh(scores / self._softcap)
        scores = scores + bias
        lse = scores.logsumexp(-1)
        weights = torch.exp(scores - lse.masked_fill(lse == -torch.inf, 0.0)[..., None])
        return weights @ value[:, None].float(), lse


def _kept(visits: Tensor, which: Tensor) -> Tensor:
    """Only some of the visits, those kept in front and in their order."""
    order = (~which).to(torch.int8).argsort(dim=-1, stable=True)
    longest = int(which.sum(-1).amax()) if which.numel() else 0
    return visits.masked_fill(~which, -1).gather(-1, order[..., :longest])


def _batches(things: Tensor, keys: int, dim: int, scored: int) -> tuple[Tensor, ...]:
    """Things of so many keys each, in batches of bounded memory. scored: rows of a thing that are masked."""
    gathered = _GATHER_ELEMENTS // max(1, keys * dim)
    masked = _MASKED_ELEMENTS // max(1, keys * scored)
    batches: tuple[Tensor, ...] = things.split(max(1, min(gathered, masked)))
    return batches

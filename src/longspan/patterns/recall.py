"""How much of dense attention a block index covers: for benchmarks and tests."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.kernels.softmax import Softmax

# Weights looked at together, in elements; bounds the memory.
_WEIGHTS = 1 << 22


def recall(
    query: Tensor,
    key: Tensor,
    index: BlockIndex,
    *,
    softmax: Softmax,
    rows: Tensor | None = None,
) -> Tensor:
    """The share of each head's dense causal attention that falls on keys which the index gives to its queries.

    query `[heads, n, d]`, key `[kv_heads, m, d]`; the queries are the last n of the m positions. rows: numbers of the
    queries to look at, counted from the first; None for all. Returns the mean share over these queries, fp32
    `[heads]`. Learned sinks are no keys, and take no part. Keys of a bundle count with their own weight, whatever its
    bonus. Raises ValueError for no rows.
    """
    heads, count, keys = query.shape[0], query.shape[1], key.shape[1]
    start = keys - count
    rows = torch.arange(count, device=query.device) if rows is None else rows.sort().values
    if not len(rows):
        raise ValueError("rows has 0 numbers, allowed 1 or more; leave it out for all queries")
    grouped = query.unflatten(0, (len(key), -1)).flatten(1, 2)
    total = torch.zeros(heads, device=query.device)
    for some, given in pairs(index, rows, count=count, keys=keys, at_a_time=_WEIGHTS // heads):
        seen = given.shape[-1]
        chosen = (torch.arange(heads // len(key), device=rows.device)[:, None] * count + some).flatten()
        scores = (grouped[:, chosen].float() @ key[:, :seen].float().mT).view(heads, -1, seen)
        scores = softmax.logits(scores, out=scores)
        later = torch.arange(seen, device=query.device) > (some + start)[:, None]
        weights = scores.masked_fill_(later, -torch.inf).softmax(-1)
        total += (weights * given.repeat_interleave(heads // len(given), 0)).sum((1, 2))
    return total / len(rows)


def pairs(
    index: BlockIndex, rows: Tensor, *, count: int, keys: int, at_a_time: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Which keys an index gives to some of its queries, in parts of about `at_a_time` pairs a head.

    rows: ascending numbers of the queries, counted from the first of `count`, the last of which stand at the end of the
    keys. Yields some of the rows and bool `[h, rows, seen]`, h as in the index; `seen` ends with their own block, and
    in it keys behind a query are true, too.
    """
    block = (rows + keys - count) // index.block
    for number, size in zip(*(x.tolist() for x in block.unique_consecutive(return_counts=True)), strict=True):
        mine, rows = rows[:size], rows[size:]
        seen = min(keys, (number + 1) * index.block)
        whole = _whole(index, number - index.first, number * index.block, seen)
        for some in mine.split(max(1, at_a_time // seen)):
            yield some, _bundled(index, whole, some, count)


def _whole(index: BlockIndex, number: int, own: int, seen: int) -> Tensor:
    """The keys that all queries of one query block are given: bool `[h, seen]`, its own block among them."""
    width = index.width or index.block
    visits = index.visits[:, number]
    given = _marked(visits, -(-seen // width)).repeat_interleave(width, 1)[:, :seen]
    if index.columns is not None:
        columns = _marked(index.columns[:, number], seen)
        choosers = max(len(given), len(columns))
        given, columns = (each.repeat_interleave(choosers // len(each), 0) for each in (given, columns))
        given = given | columns
    given[:, own:] = True
    return given


def _bundled(index: BlockIndex, whole: Tensor, rows: Tensor, count: int) -> Tensor:
    """The keys that some queries are given, bundles included: bool `[h, rows, seen]`."""
    given = whole[:, None].expand(-1, len(rows), -1)
    for bundle in index.bundles:
        members = bundle.rows.flatten(1)
        number = torch.arange(bundle.rows.shape[1], device=rows.device).repeat_interleave(
            bundle.rows.shape[2]
        )
        of = members.new_full((len(members), count), -1).scatter_(1, members, number.expand_as(members))
        of = of[:, rows]
        choosers = max(len(of), len(bundle.columns), len(given))
        of, columns, given = (
            each.repeat_interleave(choosers // len(each), 0) for each in (of, bundle.columns, given)
        )
        chooser = torch.arange(choosers, device=rows.device)[:, None]
        keys = columns[chooser, of.clamp(min=0)].masked_fill((of < 0)[..., None], -1)
        keys = keys.masked_fill(keys >= whole.shape[1], -1)
        given = given | _marked(keys, whole.shape[1])
    return given


def _marked(places: Tensor, size: int) -> Tensor:
    """Bool `[..., size]`, true at the places `[..., any]` that are not -1."""
    marks = torch.zeros(*places.shape[:-1], size + 1, dtype=torch.bool, device=places.device)
    return marks.scatter_(-1, places.masked_fill(places < 0, size), True)[..., :size]

"""Visits to rows of random entries, as the engine makes them."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from longspan.selectors.base import Chosen, Selector, Summary, Visit
from scenes import staged


def random(*shape: int, seed: int) -> Tensor:
    """Normally distributed numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def visit(query: Tensor, keys: Tensor, entries: int, **changes: Any) -> Visit:
    """Queries `[heads, n, dim]` or, while generating, `[heads, dim]`, before the first `entries` of some rows."""
    single = query.ndim == 2
    facts = {
        "query": query[:, None] if single else query,
        "entries": entries,
        "start": entries - 1 if single else entries,
        "keys": lambda start, stop: keys[:, start:stop],
        "positions": lambda: torch.arange(entries).expand(len(keys), -1),
        "layers": 4,
        "scale": query.shape[-1] ** -0.5,
    }
    return Visit(**staged(facts | changes))


def lists(chosen: Chosen | None, heads: int, entries: int) -> list[list[int]]:
    """The entries that each head visits; all of them for None."""
    if chosen is None:
        return [list(range(entries))] * heads
    counts = [chosen.index.shape[1]] * heads if chosen.counts is None else chosen.counts.tolist()
    return [row[:count] for row, count in zip(chosen.index.tolist(), counts, strict=True)]


def generate(
    summary: Summary, queries: Tensor, keys: Tensor, first: int, **changes: Any
) -> Iterator[list[list[int]]]:
    """What queries `[steps, heads, dim]` visit one after the other, while entries grow from `first` by one a step."""
    for step, query in enumerate(queries):
        each = visit(query, keys, first + step, **changes)
        summary.extend(each)
        yield lists(summary.select(each), len(query), first + step)


def read(
    summary: Summary, queries: Tensor, keys: Tensor, block: int, **changes: Any
) -> Iterator[list[list[int]]]:
    """What queries `[heads, n, dim]` of a text visit, a block at a time, before their own entries are stored."""
    for start in range(0, queries.shape[1], block):
        each = visit(queries[:, start : start + block], keys, start, **changes)
        if start:
            summary.extend(each)
            yield lists(summary.select(each), len(queries), start)


def choice(selector: Selector, query: Tensor, keys: Tensor, **changes: Any) -> list[list[int]]:
    """What one query `[heads, dim]` visits of keys that are all new to the selector."""
    return next(generate(selector.summary(), query[None], keys, keys.shape[1], **changes))


def runs(first: int, size: int, stop: int) -> list[range]:
    """Whole groups of consecutive entries between two."""
    return [range(start, start + size) for start in range(first, stop - size + 1, size)]


def around(sinks: int, groups: Sequence[Sequence[int]], tail: int, entries: int) -> list[int]:
    """Sinks, the entries of some groups, and all from `tail` on, ascending."""
    return sorted({*range(sinks), *(entry for group in groups for entry in group), *range(tail, entries)})


def top(scores: Sequence[float], count: int) -> list[int]:
    """The numbers of the highest scores."""
    return sorted(range(len(scores)), key=lambda number: float(scores[number]), reverse=True)[:count]

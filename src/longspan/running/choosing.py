"""What selectors choose for generated tokens that go through all layers in one call."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import NamedTuple

import torch
from torch import Tensor

from longspan.kernels.steps import Step
from longspan.running.lane import Lane
from longspan.running.open_rows import OpenRows
from longspan.selectors.base import Chosen, Selector, Visit
from longspan.store.group import Group


class Visited(NamedTuple):
    """What so many heads of queries visit of the entries of their rows, None for all."""

    heads: int
    entries: int
    chosen: Chosen | None


class Choosing:
    """Called by a step before the attention of each layer in which something is chosen.

    It stores the lanes' tokens there, and says what their queries visit.
    """

    def __init__(self, step: Step, lanes: Several[Lane], rows: Several[OpenRows]) -> None:
        self._step, self._lanes, self._rows = step, lanes, rows

    def __call__(self, layer: int) -> tuple[Tensor, Tensor] | None:
        """See `Step.run`."""
        step, found = self._step, []
        for token, (lane, rows) in enumerate(zip(self._lanes, self._rows, strict=True)):
            rows.add(layer, step.keys[layer, token], step.values[layer, token], lane.sequence.place)
            found += _visited(lane, layer, step.query[:, token : token + 1])
        return _together(found)


def _visited(lane: Lane, layer: int, query: Tensor) -> list[Visited]:
    """What a lane's query `[heads, 1, dim]` visits in each group of rows."""
    state, selector = lane.sequence.layers[layer], lane.sequence.engine.selectors[layer]
    shared, found = len(query) // state.store.heads, []
    for group in state.store.groups():
        heads, chosen = slice(group.heads.start * shared, group.heads.stop * shared), None
        if selector is not None and lane.error is None:
            try:
                chosen = _chosen(lane, layer, selector, group, query[heads])
            except Exception as error:  # of this sequence's parts, whatever they are
                lane.error = error
        found.append(Visited(heads.stop - heads.start, group.length, chosen))
    return found


def _chosen(lane: Lane, layer: int, selector: Selector, group: Group, query: Tensor) -> Chosen | None:
    visit = Visit(
        scene=lane.portion.scene(layer),
        query=query,
        entries=group.length,
        start=lane.placed(layer).position(0),
        keys=group.keys,
        raw=group.keys,
        positions=group.positions,
    )
    summary = lane.sequence.layers[layer].summary(group.place, selector)
    summary.extend(visit)
    return summary.select(visit)


def _together(found: Several[Visited]) -> tuple[Tensor, Tensor] | None:
    """Entries `[heads, m]` of all, row by row, and how many of them are meant; None where all visit everything."""
    if all(each.chosen is None for each in found):
        return None
    index = [
        torch.arange(each.entries).expand(each.heads, -1) if each.chosen is None else each.chosen.index
        for each in found
    ]
    counts = [
        torch.full((each.heads,), len(rows[0]))
        if each.chosen is None or each.chosen.counts is None
        else each.chosen.counts
        for each, rows in zip(found, index, strict=True)
    ]
    if len(found) == 1:
        return index[0].contiguous(), counts[0].contiguous()
    visited = torch.zeros(sum(map(len, index)), max(rows.shape[1] for rows in index), dtype=torch.int64)
    start = 0
    for rows in index:
        visited[start : start + len(rows), : rows.shape[1]] = rows
        start += len(rows)
    return visited, torch.cat(counts)

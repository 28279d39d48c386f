"""What generated tokens choose from where selectors know that before they see the queries."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from typing import NamedTuple

from longspan.kernels.choosing import Ranking
from longspan.kernels.steps import Step
from longspan.running.lane import Lane
from longspan.running.open_rows import OpenRows
from longspan.selectors.base import Outlook, Selector, Visit
from longspan.store.group import Group

_FOREVER = 1 << 62


class Known(NamedTuple):
    """What some heads of a lane's queries choose from in a layer, where they see so many entries."""

    layer: int
    token: int
    heads: slice
    entries: int
    outlook: Outlook


class Rankings:
    """Tells a step what its tokens choose from, anew only when that has changed."""

    def __init__(self, layers: Several[int]) -> None:
        """layers: those in which something is chosen."""
        self._layers = layers
        self._told: list[object] = []
        self._until: list[int] = []

    def tell(self, step: Step, lanes: Several[Lane], rows: Several[OpenRows]) -> None:
        """For the next token of each lane."""
        if not self._layers:
            return
        told = [step, *((each, each.moved) for each in rows)]
        seen = [lane.sequence.seen for lane in lanes]
        if told == self._told and all(now < end for now, end in zip(seen, self._until, strict=True)):
            return
        known = [
            each
            for layer in self._layers
            for token, lane in enumerate(lanes)
            for each in _known(lane, layer, token)
        ]
        left = min(each.outlook.until - each.entries for each in known)
        self._told, self._until = told, [now + left for now in seen]
        choosing = {each.layer for each in known if each.outlook.ranking is not None}
        ranked = {
            layer: [
                (each.token, each.heads.start, each.heads.stop - each.heads.start, each.outlook.ranking)
                for each in known
                if each.layer == layer
            ]
            for layer in choosing
        }
        step.rank(ranked, max(_bound(each.outlook.ranking, each.entries + left) for each in known))


def _known(lane: Lane, layer: int, token: int) -> Iterator[Known]:
    state, selector = lane.sequence.layers[layer], lane.sequence.engine.selectors[layer]
    shared = lane.sequence.engine.seam.layers[layer].heads // state.store.heads
    for group in state.store.groups():
        heads, outlook = slice(group.heads.start * shared, group.heads.stop * shared), Outlook(None, _FOREVER)
        if selector is not None and lane.error is None:
            try:
                outlook = _outlook(lane, layer, selector, group)
            except Exception as error:  # of this sequence's parts, whatever they are
                lane.error = error
        yield Known(layer, token, heads, group.length + 1, outlook)


def _outlook(lane: Lane, layer: int, selector: Selector, group: Group) -> Outlook:
    summary = lane.sequence.layers[layer].summary(group.place, selector)
    entries = group.length + 1
    summary.extend(
        Visit(
            scene=lane.portion.scene(layer),
            query=group.keys(0, 0),
            entries=entries,
            start=lane.placed(layer).position(0),
            keys=group.keys,
            raw=group.keys,
            positions=group.positions,
        )
    )
    return summary.ranking(entries)


def _bound(ranking: Ranking | None, entries: int) -> int:
    """How many entries a head visits at most while it sees so many."""
    if ranking is None:
        return entries
    pages = ranking.table.shape[1]
    return entries - (pages - ranking.limit) * ranking.size

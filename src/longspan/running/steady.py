"""Generated tokens of several sequences, and drafts behind them, through all layers in one call, where nothing is done
between layers."""

from __future__ import annotations

from collections.abc import Sequence as Several
from itertools import chain
from weakref import ref

import torch
from torch import Tensor

from longspan.kernels.choosing import ranks
from longspan.kernels.rotation import Table
from longspan.kernels.steps import Step
from longspan.positions.base import Positions
from longspan.running.acting import after_layer
from longspan.running.choosing import Choosing
from longspan.running.drafted_lane import DraftedLane
from longspan.running.engine import Engine
from longspan.running.joined import Turns, side_by_side
from longspan.running.lane import Lane, everything
from longspan.running.open_rows import OpenRows, open_rows
from longspan.running.ranking import Rankings
from longspan.running.sequence import Sequence
from longspan.seam.whole import Whole


def stepped(whole: Whole, lanes: Several[Lane]) -> Tensor | None:
    """The lanes' tokens behind the last layer, fp32 `[n, width]`; None where they have to go layer by layer."""
    if not whole.steps or not all(_undisturbed(lane) for lane in lanes):
        return None
    sequences = [lane.sequence for lane in lanes]
    selects = any(each.engine.selector is not None for each in sequences)
    if selects and any(isinstance(lane, DraftedLane) for lane in lanes):
        return None  # what a token chooses depends on those before it, which in a draft are not stored
    steady = sequences[0].steady
    if steady is None or not steady.of(whole, sequences):
        steady = sequences[0].steady = Steady(whole, sequences)
    hidden: Tensor | None = steady.run(lanes)
    return hidden


def _undisturbed(lane: Lane) -> bool:
    """Whether a lane is a generated token, perhaps with a draft, and nothing is done but to store it and to attend."""
    portion, engine = lane.portion, lane.sequence.engine
    drafted = isinstance(lane, DraftedLane)
    return (
        (lane.alike if isinstance(lane, DraftedLane) else lane.decoding)
        and not portion.acts
        and not portion.rows
        and type(engine.scheme).query_scale is Positions.query_scale
        and not (drafted and _watching(engine))
        and not (drafted and engine.policy is not None and engine.policy.when == "chunk")
        and (engine.codec is None or not any(layer.store.learning for layer in lane.sequence.layers))
    )


def _watching(engine: Engine) -> bool:
    """Whether something looks at each query."""
    return engine.observed > 0 or bool(engine.parts.trackings)


def _watch(lane: Lane, queries: Tensor) -> None:
    """Shows a lane's queries `[layers, heads, n, dim]` to what looks at them."""
    try:
        for layer in lane.sequence.engine.full_layers:
            after_layer(lane.portion, layer, queries[layer], everything)
    except Exception as error:  # of this sequence's parts, whatever they are
        lane.error = error


class Steady:
    """What the steps of some sequences need, kept from one generated token to the next.

    Layers of a kind turn queries and keys alike, in each of the sequences.
    """

    def __init__(self, whole: Whole, sequences: Several[Sequence]) -> None:
        self._whole, self._sequences = whole, [ref(each) for each in sequences]
        self._engines = [each.engine for each in sequences]
        kinds = [
            tuple((id(each.engine.seam.layers[layer].rope), each.engine.windows[layer]) for each in sequences)
            for layer in range(len(whole.layers))
        ]
        self._kinds = [kinds.index(kind) for kind in kinds]
        heads, kv_heads = whole.layers[0].heads
        self._asked, ranked = [], []
        for layer in range(len(whole.layers)):
            selectors = [each.engine.selectors[layer] for each in sequences]
            selects = any(each is not None for each in selectors)
            known = all(each is None or each.ranks for each in selectors) and ranks(
                heads // kv_heads, whole.dtype
            )
            self._asked.append(selects and not known)
            if selects and known:
                ranked.append(layer)
        self._rankings = Rankings(ranked)
        self._steps: dict[tuple[int, ...], tuple[Step, dict[int, Turns]]] = {}

    def of(self, whole: Whole, sequences: Several[Sequence]) -> bool:
        """Whether it is that of these sequences, in their order, under the plans that they have now."""
        same = whole is self._whole and [each() for each in self._sequences] == list(sequences)
        return same and self._engines == [each.engine for each in sequences]

    def run(self, lanes: Several[Lane]) -> Tensor | None:
        """See `stepped`."""
        turns = self._turned(lanes)
        if turns is None:
            return None
        rows = [open_rows(lane.sequence, self._whole.dtype) for lane in lanes]
        try:
            if not all(each.ready() for each in rows):
                return None
        except Exception:  # such as no memory for one of them: layer by layer the others go on
            return None
        step = self._filled(lanes, turns, rows)
        step.hidden.copy_(self._whole.embedded(torch.cat([lane.portion.passing for lane in lanes])))
        self._rankings.tell(step, lanes, rows)
        hidden = step.run(Choosing(step, lanes, rows) if any(self._asked) else None)
        start = 0
        for lane, each in zip(lanes, rows, strict=True):
            stop = start + lane.count
            if step.ancestors is not None:
                keys, values = step.keys[:, start:stop].clone(), step.values[:, start:stop].clone()
                each.put(keys[:, 0], values[:, 0], lane.sequence.place)
                if isinstance(lane, DraftedLane):
                    lane.keep(keys, values)
            each.grown()
            if _watching(lane.sequence.engine) and lane.error is None:
                _watch(lane, step.raw[:, start:stop].transpose(1, 2))
            start = stop
        return hidden

    def _turned(self, lanes: Several[Lane]) -> dict[int, Turns] | None:
        """How the first layer of each kind turns; None where one does not see all that is stored, through one piece."""
        found = {}
        for layer in dict.fromkeys(self._kinds):
            placed = [lane.placed(layer) for lane in lanes]
            for lane, each in zip(lanes, placed, strict=True):
                if each.key_map is None or len(each.pieces) != 1:
                    return None
                everything = lane.sequence.engine.windows[layer] is None
                if everything and not each.pieces[0].sees_all(0, each.start):
                    return None
            queries = side_by_side([each.pieces[0].query_turn for each in placed])
            keys = side_by_side([each.own_turn(each.pieces[0].keys, 0, each.count) for each in placed])
            found[layer] = queries, keys
        return found

    def _filled(self, lanes: Several[Lane], turns: dict[int, Turns], rows: Several[OpenRows]) -> Step:
        """The step, with what it needs in its places."""
        step, own = self._made(lanes, turns)
        for mine, new in zip(chain(*own.values()), chain(*turns.values()), strict=True):
            if mine is not None and new is not None:
                mine.cos.copy_(new.cos)
                mine.sin.copy_(new.sin)
        if step.ancestors is None:
            torch.cat([each.table for each in rows], 2, out=step.tables)
            step.positions.copy_(torch.tensor([lane.sequence.place for lane in lanes]))
            return step
        start = 0
        for lane, each in zip(lanes, rows, strict=True):
            depths = torch.zeros(1, dtype=torch.int64)
            step.ancestors[start : start + lane.count] = -1
            if isinstance(lane, DraftedLane):
                depths, own_ancestors = lane.depths, lane.ancestors
                shape = own_ancestors.shape
                step.ancestors[start : start + shape[0], : shape[1]] = own_ancestors.where(
                    own_ancestors < 0, own_ancestors + start
                )
            heads = each.table.shape[2]
            table = step.tables[:, :, start * heads : (start + lane.count) * heads]
            table.copy_(each.table.repeat(1, 1, lane.count))
            lengths = each.lengths.repeat(1, lane.count)
            each.firsts(lengths + depths.repeat_interleave(heads), out=table[:, 4])
            step.positions[start : start + lane.count] = depths + lane.sequence.place
            start += lane.count
        return step

    def _made(self, lanes: Several[Lane], turns: dict[int, Turns]) -> tuple[Step, dict[int, Turns]]:
        """The step for lanes of such lengths, and where it finds how layers of each kind turn."""
        deepest = [lane.deepest for lane in lanes if isinstance(lane, DraftedLane)]
        kind = (*(lane.count for lane in lanes), torch.get_num_threads(), max(deepest, default=0))
        if kind not in self._steps:
            if len(self._steps) == _KEPT:
                self._steps.pop(next(iter(self._steps)))
            own = {layer: (_own(pair[0]), _own(pair[1])) for layer, pair in turns.items()}
            step = Step(
                self._whole.layers,
                self._whole.softmaxes,
                [own[first] for first in self._kinds],
                tokens=sum(lane.count for lane in lanes),
                width=self._whole.width,
                dtype=self._whole.dtype,
                beside=kind[-1],
                choosing=self._asked,
                raw=any(map(_watching, self._engines)),
            )
            self._steps[kind] = step, own
        return self._steps[kind]


_KEPT = 24
"""Lengths of drafts for which steps are kept."""


def _own(table: Table | None) -> Table | None:
    if table is None:
        return None
    cos, sin = (each.contiguous().clone() for each in (table.cos, table.sin))
    return Table(cos=cos, sin=sin, interleaved=table.interleaved)

"""Generated tokens of several sequences, through all layers in one call, where nothing is done between layers."""

from __future__ import annotations

from collections.abc import Sequence as Several
from weakref import ref

import torch
from torch import Tensor

from longspan.kernels.decoding import OpenRow
from longspan.kernels.layers import Step
from longspan.kernels.rotation import Table
from longspan.positions.base import Positions
from longspan.running.engine import Engine
from longspan.running.joined import Turns, side_by_side
from longspan.running.lane import Lane
from longspan.running.sequence import Sequence
from longspan.seam.whole import Whole


def stepped(whole: Whole, lanes: Several[Lane]) -> Tensor | None:
    """The lanes' tokens behind the last layer, fp32 `[n, width]`; None where they have to go layer by layer."""
    if not whole.steps or not all(_undisturbed(lane) for lane in lanes):
        return None
    sequences = [lane.sequence for lane in lanes]
    steady = sequences[0].steady
    if not isinstance(steady, Steady) or not steady.of(whole, sequences):
        steady = Steady(whole, sequences)
    hidden = steady.run(lanes)
    sequences[0].steady = None if hidden is None else steady
    return hidden


def _undisturbed(lane: Lane) -> bool:
    """Whether a lane is one generated token for which nothing is done but to store it and to attend."""
    portion, sequence = lane.portion, lane.sequence
    return (
        lane.decoding
        and not portion.acts
        and portion.drafted is None
        and not portion.rows
        and _quiet(sequence.engine)
        and (sequence.engine.codec is None or not any(layer.store.learning for layer in sequence.layers))
    )


def _quiet(engine: Engine) -> bool:
    return (
        engine.observed == 0
        and engine.selector is None
        and not engine.parts.trackings
        and type(engine.scheme).query_scale is Positions.query_scale
    )


class Steady:
    """What the steps of some sequences need, kept from one generated token to the next."""

    def __init__(self, whole: Whole, sequences: Several[Sequence]) -> None:
        self._whole, self._sequences = whole, [ref(each) for each in sequences]
        kinds = [
            tuple((id(each.engine.seam.layers[layer].rope), each.engine.windows[layer]) for each in sequences)
            for layer in range(len(whole.layers))
        ]
        self._kinds = {kind: kinds.index(kind) for kind in kinds}
        self._firsts = [self._kinds[kind] for kind in kinds]
        self._tables: Tensor | None = None
        self._positions = torch.empty(len(sequences), dtype=torch.int64)
        self._turns: dict[int, Turns] = {}
        self._step: Step | None = None

    def of(self, whole: Whole, sequences: Several[Sequence]) -> bool:
        """Whether it is that of these sequences, in their order."""
        return whole is self._whole and [each() for each in self._sequences] == list(sequences)

    def run(self, lanes: Several[Lane]) -> Tensor | None:
        """See `stepped`."""
        turns = self._turned(lanes)
        rows = None if turns is None else self._opened(lanes)
        if turns is None or rows is None:
            return None
        step = self._made(lanes, turns, rows)
        ids = torch.cat([lane.portion.ids for lane in lanes])
        step.hidden.copy_(self._whole.embedded(ids))
        hidden = step.run()
        for lane in lanes:
            _grown(lane)
        return hidden

    def _turned(self, lanes: Several[Lane]) -> dict[int, Turns] | None:
        """How the first layer of each kind turns; None where one does not see all that is stored, through one piece."""
        found = {}
        for layer in self._kinds.values():
            placed = [lane.placed(layer) for lane in lanes]
            for lane, each in zip(lanes, placed, strict=True):
                if each.key_map is None or len(each.pieces) != 1:
                    return None
                whole = lane.sequence.engine.windows[layer] is None
                if whole and not each.pieces[0].sees_all(0, each.start):
                    return None
            queries = side_by_side([each.pieces[0].query_turn for each in placed])
            keys = side_by_side([each.own_turn(each.pieces[0].keys, 0, 1) for each in placed])
            found[layer] = queries, keys
        return found

    def _opened(self, lanes: Several[Lane]) -> list[list[OpenRow]] | None:
        """The rows of each layer, those of the first lane first; None where some are not open."""
        found = []
        dtype = self._whole.dtype
        for layer in range(len(self._firsts)):
            rows: list[OpenRow] = []
            for lane in lanes:
                window = lane.sequence.engine.windows[layer]
                opened = lane.sequence.layers[layer].store.open(dtype, window)
                if opened is None:
                    return None
                rows += opened
            found.append(rows)
        return found

    def _made(self, lanes: Several[Lane], turns: dict[int, Turns], rows: list[list[OpenRow]]) -> Step:
        """The step, with what it needs in its places."""
        tables = torch.tensor(rows, dtype=torch.int64).transpose(1, 2)
        if self._tables is None or self._step is None:
            self._tables = tables.contiguous()
            self._turns = {layer: (_own(pair[0]), _own(pair[1])) for layer, pair in turns.items()}
            self._step = Step(
                self._whole.layers,
                self._whole.softmaxes,
                list(self._tables),
                self._positions,
                [self._turns[first] for first in self._firsts],
                self._whole.dtype,
                self._whole.width,
            )
        else:
            self._tables.copy_(tables)
            for layer, pair in turns.items():
                for mine, new in zip(self._turns[layer], pair, strict=True):
                    if mine is not None and new is not None:
                        mine.cos.copy_(new.cos)
                        mine.sin.copy_(new.sin)
        self._positions.copy_(torch.tensor([lane.sequence.run for lane in lanes]))
        return self._step


def _own(table: Table | None) -> Table | None:
    if table is None:
        return None
    return Table(
        cos=table.cos.contiguous().clone(), sin=table.sin.contiguous().clone(), interleaved=table.interleaved
    )


def _grown(lane: Lane) -> None:
    """The entries of a lane's token were written in all layers."""
    sequence = lane.sequence
    for layer, window in zip(sequence.layers, sequence.engine.windows, strict=True):
        layer.store.grown()
        if window is not None and layer.store.lengths[0] >= 2 * window:
            layer.store.forget_before(sequence.run + 1 - window + 1)

"""A forward pass: portions of several sequences, packed one after another without padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from longspan.kernels.decoding import OpenRow, suits
from longspan.running.drafted import Drafted
from longspan.running.drafted_lane import DraftedLane
from longspan.running.joined import Joined
from longspan.running.lane import Lane
from longspan.running.moments import Portion
from longspan.running.open_rows import open_rows
from longspan.running.steady import stepped
from longspan.seam.borrowing import Attention, Call, part
from longspan.seam.recurrent import Step
from longspan.seam.seam import Seam


class Pass:
    """What stands in for the attention of a model while some portions pass through it."""

    def __init__(self, portions: Sequence[Portion], keep: Sequence[int]) -> None:
        """keep: indices into the packed tokens whose logits are wanted; they do not leave between layers."""
        sizes = [len(each.passing) for each in portions]
        wanted = torch.zeros(sum(sizes), dtype=torch.bool, device=portions[0].ids.device)
        wanted[list(keep)] = True
        parts: Sequence[Tensor] = wanted.split(sizes)
        self._joined = Joined()
        self.lanes = [_lane(portion, mine) for portion, mine in zip(portions, parts, strict=True)]

    def attention(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer. Raises what was wrong with the first lane once nothing is left to run."""
        outs: list[Tensor] = []
        start = number = 0
        joins = suits(call.query.dtype, call.query.device)
        while number < len(self.lanes):
            rows: list[list[OpenRow]] = []  # of adjacent lanes that can be attended in one call
            while joins and number + len(rows) < len(self.lanes):
                opened = self.lanes[number + len(rows)].opened(call)
                if opened is None:
                    break
                rows.append(opened)
            lanes = self.lanes[number : number + max(1, len(rows))]
            stop = start + sum(lane.count for lane in lanes)
            own = part(call, start, stop)
            outs.append(self._joined.attention(lanes, rows, own) if rows else lanes[0].attention(own))
            start, number = stop, number + len(lanes)
        self.check_going()
        return outs[0] if len(outs) == 1 else torch.cat(outs, 1)

    def recurring(self, step: Step) -> Tensor:
        """`[n, width]` for one recurrent layer: each lane's tokens behind its own state."""
        parts = step.hidden.split([lane.count for lane in self.lanes])
        outs = [
            lane.recurring(replace(step, hidden=own)) for lane, own in zip(self.lanes, parts, strict=True)
        ]
        self.check_going()
        return outs[0] if len(outs) == 1 else torch.cat(outs)

    def check_going(self) -> None:
        """Raises what was wrong with the first lane where none can go on."""
        errors = [lane.error for lane in self.lanes]
        if errors[0] is not None and all(errors):
            raise errors[0]

    def staying(self) -> Tensor | None:
        """Which rows of the layer that has just run go on to the next, as indices; None for all."""
        rows, start, everything = [], 0, True
        for lane in self.lanes:
            count = lane.count
            going = lane.staying()
            everything = everything and going is None
            if going is None:
                going = torch.arange(count, device=lane.portion.ids.device)
            rows.append(going + start)
            start += count
        return None if everything else torch.cat(rows)


def _lane(portion: Portion, wanted: Tensor) -> Lane:
    return Lane(portion, wanted) if portion.drafted is None else DraftedLane(portion, wanted, portion.drafted)


def forward(
    seam: Seam,
    portions: Sequence[Portion],
    keep: Sequence[int],
    beside: Callable[[Attention], Attention] | None = None,
) -> tuple[Tensor, list[Exception | None]]:
    """Runs portions of different sequences and remembers them.

    keep: indices into the packed tokens whose logits are wanted; those that are drafted stand behind the one that they
    follow. beside: makes of the attention one that does more.
    Returns logits `[len(keep), vocab]`, and of each portion what was wrong with it, None where nothing was. Raises the
    error where none could go on.
    """
    run = Pass(portions, keep)
    device = seam.device
    whole = seam.whole
    hidden = None if whole is None or beside is not None else stepped(whole, run.lanes)
    if whole is not None and hidden is not None:
        for portion in portions:
            _has_run(portion)
        rows = hidden if len(keep) == len(hidden) else hidden[list(keep)]
        run.check_going()
        return whole.last(rows), [lane.error for lane in run.lanes]
    logits = seam.forward(
        torch.cat([each.passing for each in portions]),
        torch.cat([each.places + each.sequence.place for each in portions]),
        torch.tensor(keep, dtype=torch.long, device=device),
        _pausing(seam, run.attention if beside is None else beside(run.attention)),
        run.recurring,
        [row.vector for portion in portions for row in portion.rows],
        run.staying if any(each.sequence.engine.thinning for each in portions) else None,
    )
    for portion in portions:
        _has_run(portion)
    return logits, [lane.error for lane in run.lanes]


def _pausing(seam: Seam, attention: Attention) -> Attention:
    """The attention, with what the seam is to do between layers."""
    between = seam.between
    if between is None:
        return attention

    def attended(call: Call) -> Tensor:
        out = attention(call)
        with torch.inference_mode(
            False
        ):  # what is kept there from pass to pass must be writable outside of this one
            between(call.query.shape[1])
        return out

    return attended


def run_alone(portion: Portion, keep: Sequence[int]) -> Tensor:
    """The same for one portion: logits `[len(keep), vocab]`."""
    return forward(portion.sequence.engine.seam, [portion], keep)[0]


@torch.inference_mode()
def run_known(portion: Portion, drafted: Drafted, row: int) -> None:
    """Remembers one generated token that passed as row `row` of a draft."""
    if drafted.entries is not None:
        keys, values = drafted.entries
        rows = open_rows(portion.sequence, keys.dtype)
        if not rows.ready():
            raise RuntimeError("rows that were open to a draft no longer are")
        rows.put(keys[:, row], values[:, row], portion.sequence.place)
        rows.grown()
        _has_run(portion)
        return
    lane = Lane(portion, torch.ones(1, dtype=torch.bool, device=portion.ids.device))
    for call, turned in drafted.kept:
        lane.store(part(call, row, row + 1), None if turned is None else turned[:, row : row + 1])
    for own, states in zip(portion.sequence.recurrences, drafted.states, strict=True):
        own.rewind(states[row].mark())
    _has_run(portion)


def _has_run(portion: Portion) -> None:
    if not portion.rehearsed:
        portion.sequence.rehearsed = {}
        portion.sequence.ids.extend(portion.tokens)

"""A forward pass: portions of several sequences, packed one after another without padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from longspan.borrowing import Attention, Call
from longspan.running.lane import Lane
from longspan.running.moments import Portion
from longspan.seam import Seam


class Pass:
    """What stands in for the attention of a model while some portions pass through it."""

    def __init__(self, portions: Sequence[Portion], keep: Sequence[int]) -> None:
        """keep: indices into the packed tokens whose logits are wanted; they do not leave between layers."""
        sizes = [len(each.ids) for each in portions]
        wanted = torch.zeros(sum(sizes), dtype=torch.bool, device=portions[0].ids.device)
        wanted[list(keep)] = True
        parts: Sequence[Tensor] = wanted.split(sizes)
        self.lanes = [Lane(portion, mine) for portion, mine in zip(portions, parts, strict=True)]

    def attention(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer. Raises what was wrong with the first lane once nothing is left to run."""
        if len(self.lanes) == 1:
            outs = [self.lanes[0].attention(call)]
        else:
            outs, start = [], 0
            for lane in self.lanes:
                rows = slice(start, start + lane.count)
                start = rows.stop
                own = replace(
                    call, query=call.query[:, rows], key=call.key[:, rows], value=call.value[:, rows]
                )
                outs.append(lane.attention(own))
        errors = [lane.error for lane in self.lanes]
        if errors[0] is not None and all(errors):
            raise errors[0]
        return outs[0] if len(outs) == 1 else torch.cat(outs, 1)

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


def forward(
    seam: Seam,
    portions: Sequence[Portion],
    keep: Sequence[int],
    beside: Callable[[Attention], Attention] | None = None,
) -> tuple[Tensor, list[Exception | None]]:
    """Runs portions of different sequences and remembers them.

    keep: indices into the packed tokens whose logits are wanted. beside: makes of the attention one that does more.
    Returns logits `[len(keep), vocab]`, and of each portion what was wrong with it, None where nothing was. Raises the
    error where none could go on.
    """
    run = Pass(portions, keep)
    device = seam.device
    logits = seam.forward(
        torch.cat([portion.ids for portion in portions]),
        torch.cat([torch.arange(len(each.ids), device=device) + each.sequence.run for each in portions]),
        torch.tensor(keep, dtype=torch.long, device=device),
        run.attention if beside is None else beside(run.attention),
        run.staying if any(each.sequence.engine.thinning for each in portions) else None,
    )
    for portion in portions:
        if not portion.rehearsed:
            portion.sequence.rehearsed = {}
            portion.sequence.ids.extend(portion.ids.tolist())
    return logits, [lane.error for lane in run.lanes]


def run_alone(portion: Portion, keep: Sequence[int]) -> Tensor:
    """The same for one portion: logits `[len(keep), vocab]`."""
    return forward(portion.sequence.engine.seam, [portion], keep)[0]

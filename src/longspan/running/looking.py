"""Looking inside a model: what the end of a text attends to in some of its layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from longspan.errors import WindowExceeded
from longspan.plan import Plan
from longspan.policies.view import View
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.borrowing import Attention, Call
from longspan.seam.seam import Seam
from longspan.usage import Usage

_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What layers hold of a prompt, with the queries of its last rows, by layer, and what it took to read it."""

    views: dict[int, View]
    usage: Usage


@contextmanager
def looked(
    seam: Seam, plan: Plan, ids: Sequence[int], rows: int, layers: Collection[int]
) -> Iterator[Looked]:
    """A look into layers at a prompt, whose last rows look back.

    Only the layers up to the last of them run, and only these rows are compared with all keys, so that nothing grows
    with the square of the prompt. The plan counts for its positions alone. Raises WindowExceeded where it does not fit.
    """
    plan, begun = Plan(positions=plan.positions), perf_counter()
    last = max(layers)
    with Reader(seam, plan, observe=rows, length=len(ids)) as reader:
        if reader.window is not None and len(ids) > reader.window:
            raise WindowExceeded(
                f"a look at {len(ids):,} tokens > window {reader.window:,}; look at fewer at a time, or "
                "raise the window with positions=..."
            )
        start = 0
        for end in chunk_ends(len(ids), _CHUNK):
            _run_to(reader, ids[start:end], last)
            start = end
        views = {layer: reader.view(layer, rows) for layer in layers}
        held = sum(each.nbytes for view in views.values() for each in (view.keys, view.values))
        yield Looked(views=views, usage=read_usage(len(ids), perf_counter() - begun, held))


def read_usage(tokens: int, seconds: float, held: int = 0) -> Usage:
    """What it took to read so many tokens. held: bytes of keys and values."""
    return Usage(
        prompt_tokens=tokens,
        generated_tokens=0,
        kv_bytes=held,
        peak_kv_bytes=held,
        prefill_seconds=seconds,
        decode_seconds=0.0,
    )


def _run_to(reader: Reader, ids: Sequence[int], last: int) -> None:
    """Has the layers up to one read tokens."""
    try:
        reader.run(ids, observer=_up_to(last))
    except _EnoughError:
        reader.passed(torch.tensor(ids))


class _EnoughError(Exception):
    """The last layer that is wanted has its keys and queries."""


def _up_to(last: int) -> Callable[[Attention], Attention]:
    def observer(attention: Attention) -> Attention:
        def attended(call: Call) -> Tensor:
            out = attention(call)
            if call.layer == last:
                raise _EnoughError
            return out

        return attended

    return observer

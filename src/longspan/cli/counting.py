"""How far something has come: a bar where standard error is a screen, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from longspan.spans import printable

EVERY = 30.0
"""Seconds between two lines."""

Told: TypeAlias = Callable[[int, int, str], None]
"""Gets how many are done, of how many, and of what."""


@contextmanager
def counting(what: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Told]:
    """Shows what it is told. A line comes with the first answer, then every half minute, and at the end."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield from _lines(console, what, clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        bar = bars.add_task(what, total=None)

        def tell(done: int, total: int, now: str) -> None:
            name = printable(now, lines=False) or what
            bars.update(bar, completed=done, total=total or None, description=name)

        yield tell


def _lines(console: Console, what: str, clock: Callable[[], float]) -> Iterator[Told]:
    began, last = clock(), -EVERY
    untold: tuple[int, int, str] | None = None

    def show(done: int, total: int, now: str) -> None:
        nonlocal last, untold
        last, untold = clock() - began, None
        of = f" of {total:,}" if total >= done else ""
        named = f", {printable(now, lines=False)}" if now else ""
        console.print(f"{done:,}{of} {what}{named}, {last:,.0f} s", markup=False, soft_wrap=True)

    def tell(done: int, total: int, now: str) -> None:
        nonlocal untold
        untold = (done, total, now)
        if done and (clock() - began - last >= EVERY or done == total):
            show(*untold)

    yield tell
    if untold is not None and untold[0]:
        show(*untold)

"""A sheet as a page: its name, its rows, and what is said of it below them."""

from __future__ import annotations

from longspan.spans.formats.paged import Paged
from longspan.spans.formats.sheets.grid import Grid
from longspan.spans.formats.whole import whole
from longspan.spans.places import Columns


def laid_out(pages: Paged, name: str, grid: Grid, after: str) -> None:
    """Adds a sheet; one without anything has no text."""
    name = " ".join(whole(name).split())
    rows, starts, columns = grid.text()
    if not rows and not after:
        pages.add("", name, lines=[(0, 0)], columns=[Columns(0, "\t")])
        return
    head = f"Sheet: {name}\n"
    text = head + rows
    end = len(text)
    if after:
        text += f"\n\n{after}" if rows else after
    pages.add(
        text,
        name,
        headings=[(0, name)],
        lines=[
            (0, 0),
            *((len(head) + offset, row) for offset, row in starts),
            *([(end, 0)] if after else []),
        ],
        columns=[Columns(0, "\t"), columns._replace(start=len(head)), Columns(end, "\t")],
    )

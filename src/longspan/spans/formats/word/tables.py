"""The rows of a table, its cells parted by tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.left_out import DELETED, HIDDEN, LeftOut
from longspan.spans.formats.package import child, local, number, switched_on, value

_MAX_COLUMNS = 64


def rows(table: Any, read: Callable[[Any], Blocks], left_out: LeftOut) -> Iterator[tuple[str, list[str]]]:
    """Each row in one line, and the headings in it; ``read`` gives the content of a cell.

    A cell over several columns is followed by as many tabs, and one over several rows stands in the first.
    """
    for row in _within(table, "tr"):
        said = child(row, "trPr")
        if child(said, "del") is not None:
            left_out.add(DELETED)
        elif switched_on(child(said, "hidden")):
            left_out.add(HIDDEN)
        else:
            yield _cells(row, number(child(said, "gridBefore")) or 0, read, left_out)


def _cells(row: Any, before: int, read: Callable[[Any], Blocks], left_out: LeftOut) -> tuple[str, list[str]]:
    texts, headings = [""] * min(max(before, 0), _MAX_COLUMNS), []
    for cell in _within(row, "tc"):
        said = child(cell, "tcPr")
        if child(said, "cellDel") is not None:
            left_out.add(DELETED)
            continue
        found = read(cell)
        merged = child(said, "vMerge")
        if merged is not None and value(merged) != "restart":
            if found:
                left_out.add(HIDDEN)
            texts.append("")
        else:
            texts.append(" ".join(found.text.split()))
            headings += [heading for _, heading in found.headings]
        span = number(child(said, "gridSpan")) or 1
        texts += [""] * (min(max(span, 1), _MAX_COLUMNS) - 1)
    return "\t".join(texts), headings


def _within(node: Any, name: str) -> Iterator[Any]:
    """The elements of that name below, also those in content controls, but not those of a table within."""
    for each in node:
        if local(each) == name:
            yield each
        elif local(each) != "tbl":
            yield from _within(each, name)

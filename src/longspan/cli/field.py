"""`longspan field`: the map of the field."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longspan.field import ROOMS, Paper, counts, papers


def field(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that must all occur in a paper's entry.")
    ] = None,
    room: Annotated[str | None, typer.Option(help=f"Only this room of the map: {', '.join(ROOMS)}.")] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Count the papers found by what implements them, and list none.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search the papers of the field: what implements each, in full or in part, why it is left out, or "not yet"."""
    try:
        found = papers(" ".join(words or ()), room)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if count:
        _show_counts(found, as_json=as_json)
        return
    if as_json:
        typer.echo(json.dumps([_record(paper) for paper in found], indent=2, ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold", max_width=24)
    table.add_column("room", no_wrap=True)
    table.add_column("title")
    table.add_column("implemented", overflow="fold")
    for paper in found:
        table.add_row(*map(Text, (str(paper.id), paper.name, paper.room, paper.title, paper.status)))
    if found:
        Console().print(table)
    typer.echo(_total(found))


def _record(paper: Paper) -> dict[str, Any]:
    said = {name: getattr(paper, name) for name in ("implemented", "missing", "state")}
    return dataclasses.asdict(paper) | said


def _show_counts(found: Sequence[Paper], *, as_json: bool) -> None:
    counted = counts(found)
    if as_json:
        states = Counter({"in full": 0, "in part": 0, "left out": 0, "not yet": 0})
        states.update(paper.state for paper in found)
        typer.echo(json.dumps({"papers": len(found), **states, "kinds": counted}, indent=2))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("papers by a", no_wrap=True)
    for state in ("in full", "in part"):
        table.add_column(state, justify="right")
    for kind, by_state in counted.items():
        table.add_row(kind, *map(str, by_state.values()))
    Console(highlight=False).print(table)
    typer.echo(_total(found))


def _total(found: Sequence[Paper]) -> str:
    counted = Counter(paper.state for paper in found)
    return f"{len(found)} papers, {counted['in full']} implemented in full, {counted['in part']} in part"

"""`longspan field`: the map of the field."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longspan.field import ROOMS, papers


def field(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that must all occur in a paper's entry.")
    ] = None,
    room: Annotated[str | None, typer.Option(help=f"Only this room of the map: {', '.join(ROOMS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search the papers of the field: what implements each, in full or in part, or "not yet"."""
    try:
        found = papers(" ".join(words or ()), room)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        records = [dataclasses.asdict(paper) | {"state": paper.state} for paper in found]
        typer.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold", max_width=24)
    table.add_column("room", no_wrap=True)
    table.add_column("title")
    table.add_column("implemented", overflow="fold")
    for paper in found:
        table.add_row(*map(Text, (str(paper.id), paper.name, paper.room, paper.title, paper.status)))
    console = Console()
    if found:
        console.print(table)
    counted = Counter(paper.state for paper in found)
    console.print(
        f"{len(found)} papers, {counted['in full']} implemented in full, {counted['in part']} in part",
        highlight=False,
    )

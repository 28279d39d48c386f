"""`longspan methods`: the methods that a plan can name."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longspan import registry
from longspan.named import plans


def methods(
    room: Annotated[str | None, typer.Option(help=f"Only this room: {', '.join(registry.ROOMS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the methods: name, room, paper, link, year, whether they need training, what they change."""
    rooms = list(registry.ROOMS) if room is None else [registry.room_of(room)]
    found = [(each, card) for each in rooms for card in registry.cards(each)]
    if as_json:
        records = [{"room": each, **dataclasses.asdict(card)} for each, card in found]
        records += [{"room": "plan", **dataclasses.asdict(each)} for each in plans() if room is None]
        typer.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True, min_width=max((len(card.name) for _, card in found), default=0))
    table.add_column("room", no_wrap=True)
    table.add_column("what it changes, paper, link", overflow="fold")
    for each, card in found:
        training = f"; training: {card.needs}" if card.needs != "no" else ""
        missing = f"in part: {card.missing}\n" if card.missing else ""
        about = Text(f"{card.changes}\n{missing}{card.paper}, {card.year}{training}\n{card.link}")
        table.add_row(Text(card.name), each, about, end_section=True)
    console = Console()
    if found:
        console.print(table)
    console.print(f"{len(found)} methods", highlight=False)
    if room is None:
        for whole in plans():
            source = f"{whole.paper}, {whole.year}\n  {whole.link}"
            console.print(Text(f"\nplan {whole.name} = {whole.text}\n  {whole.changes}\n  {source}"))

"""`longspan report`: what a run found, as a page with tables and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.evaluation.report.front import Standing


_SIGNS = {1: "▲ ", -1: "▼ ", 0: ""}
"""For differences that chance does not explain."""


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="The folder that longspan eval --out wrote; several for one report of several runs.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where the report goes, by default into the run's folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write report.html, report.csv and report.json on a run, finished or not, or on several runs side by side."""
    from longspan.evaluation.report import write_report
    from longspan.evaluation.report.wording import number

    files = write_report(*folders, out=out)
    if as_json:
        typer.echo(json.dumps(files.to_dict(), indent=2, ensure_ascii=False))
        return
    console = table_console()
    for standing in files.standings:
        console.print(standing_table(standing))
    for note in files.notes:
        console.print(printable(f"note: {note}", lines=False), markup=False, soft_wrap=True)
    if files.missing:
        console.print(f"not finished: {number(files.missing, 'answer')} to come")
    for path in (files.html, files.csv, files.json):
        typer.echo(printable(str(path), lines=False))


def table_console() -> Console:
    """Standard output, and where it is no screen, wide enough for a plan's text."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 140)
    return console


def standing_table(standing: Standing) -> Table:
    """The plans at one length; a star for those that no other beats at the memory they hold."""
    from longspan.evaluation.report.answers import plan_name
    from longspan.evaluation.report.front import AXES
    from longspan.evaluation.report.wording import interval, length_name, memory, points, seconds, signed

    title = length_name(standing.length)
    if standing.stand_ins:
        title += f", with stand-ins for {', '.join(standing.stand_ins)}"
    if not standing.paired:
        title += ", each plan on its own samples"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=printable(title, lines=False), title_justify="left")
    table.add_column("plan", overflow="fold")
    for title in ("score", "95 %", "difference", "held", "at most", "time", "front"):
        table.add_column(title, justify="right", no_wrap=True)
    front = next((found for axis in AXES if (found := standing.front(axis))), ())
    for point in standing.points:
        table.add_row(
            Text(printable(plan_name(point.plan), lines=False)),
            points(point.score.mean),
            interval(point.score),
            f"{_SIGNS[point.difference.sign]}{signed(point.difference.mean)}" if point.difference else "",
            memory(point.kv_bytes),
            memory(point.peak_kv_bytes),
            seconds(point.seconds),
            "*" if point in front else "",
        )
    said = [f"left out, fewer than half of the samples: {plan_name(plan)}" for plan in standing.left_out]
    if any(not interval(point.score) for point in standing.points):
        said.append("95 % is empty where a task has answers about one text only")
    if said:
        table.caption = Text(printable("; ".join(said), lines=False))
        table.caption_justify = "left"
    return table

"""`longspan models`: which models are here, bringing one here, and removing it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from longspan.cli.waiting import Lines
from longspan.progress import Progress, Watcher
from longspan.spans import printable

app = typer.Typer(no_args_is_help=True, help="List, fetch and remove models.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def shown_progress() -> Iterator[Watcher]:
    """Bars on standard error for what is downloaded and converted; gone when the block ends."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
    tasks: dict[str, TaskID] = {}
    lines = Lines()

    def report(progress: Progress) -> None:
        step, done, total = progress.stage, progress.processed, progress.total
        if not console.is_terminal:
            lines(f"{step}: {decimal(done)}" + (f" of {decimal(total)}" if total else ""))
        bars.start()
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total)
        bars.update(tasks[step], completed=done, total=total)

    try:
        yield report
    finally:
        bars.stop()


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """Show the models with a short name and the converted copies of your own GGUF files."""
    from longspan.loading.inventory import inventory

    entries = inventory()
    if as_json:
        _print_json([asdict(entry) for entry in entries])
        return
    rows = [("name", "here", "on disk", "source")]
    for entry in entries:
        name = f"{entry.name} (default)" if entry.default else entry.name
        here = "yes" if entry.cached else "no"
        rows.append((name, here, decimal(entry.bytes) if entry.bytes else "", entry.source))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo(printable("  ".join(map(str.ljust, row, widths)).rstrip(), lines=False))


@app.command("pull")
def pull_model(
    name: Annotated[str, typer.Argument(help="A short name, a hub id owner/name, or a .gguf file.")],
    dtype: Annotated[
        str, typer.Option(help="Number format to convert GGUF to: auto, float32, bfloat16 or float16.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Fetch a model, and convert it if it is a GGUF file, so that loading it needs no network and no wait."""
    from longspan.loading import pull

    with shown_progress() as progress:
        pulled = pull(name, dtype=dtype, progress=progress)
    if as_json:
        _print_json(asdict(pulled) | {"folder": str(pulled.folder)})
    else:
        typer.echo(f"{pulled.name} is ready in {pulled.folder}")


@app.command("remove")
def remove_model(
    name: Annotated[str, typer.Argument(help="A name from 'longspan models list'.")],
    as_json: JsonOption = False,
) -> None:
    """Delete a model from the cache, with its converted copies."""
    from longspan.loading.inventory import remove

    freed = remove(name)
    if as_json:
        _print_json({"name": name, "freed_bytes": freed})
    else:
        typer.echo(f"removed {name}, {decimal(freed)} freed")


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")

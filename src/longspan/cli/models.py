"""`longspan models`: which models are here, bringing one here, and removing it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.filesize import decimal

from longspan.cli.loaded import WeightsOption, shown_progress
from longspan.spans import printable

app = typer.Typer(no_args_is_help=True, help="List, fetch and remove models.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
        str, typer.Option(help="Number format to expand GGUF into: auto, float32, bfloat16 or float16.")
    ] = "auto",
    weights: WeightsOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Fetch a model, and convert a GGUF file that will be expanded, so that loading needs no network and no wait."""
    from longspan.loading import pull

    with shown_progress() as progress:
        pulled = pull(name, dtype=dtype, weights=weights, progress=progress)  # type: ignore[arg-type]
    if as_json:
        _print_json(asdict(pulled) | {"path": str(pulled.path)})
    else:
        typer.echo(f"{pulled.name} is ready in {pulled.path}")


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

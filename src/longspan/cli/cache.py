"""`longspan cache`: which contexts are saved, what is in them, and removing them."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from longspan.cli.sizes import read_bytes
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.contexts.folder import Entry

app = typer.Typer(no_args_is_help=True, help="List, show, remove and prune saved contexts.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NameArgument = Annotated[str, typer.Argument(help="A name from 'longspan cache list', or how it begins.")]

_SHOWN = 12
_WIDEST = 40


@app.command("list")
def list_contexts(as_json: JsonOption = False) -> None:
    """Show the saved contexts, last used first."""
    from longspan.contexts.folder import entries

    found = entries()
    if as_json:
        _print_json([_facts(entry) for entry in found])
        return
    rows: list[tuple[str, ...]] = [("name", "on disk", "last used", "tokens", "model", "plan", "documents")]
    for entry in found:
        about = entry.about
        said = (
            (f"{sum(about.tokens):,}", about.model, about.plan or "(stock)", ", ".join(about.documents))
            if about
            else ("", "", "", _reason(entry))
        )
        rows.append((entry.name[:_SHOWN], decimal(entry.bytes), _when(entry), *map(_short, said)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())
    typer.echo(f"{len(found):,} contexts, {decimal(sum(entry.bytes for entry in found))}")


@app.command("show")
def show_context(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show what a saved context is, and check that its file is whole."""
    from longspan.contexts.folder import check, find
    from longspan.errors import ContextError

    entry = find(name)
    problem = entry.problem
    try:
        check(entry)
    except ContextError as error:
        problem = str(error)
    if as_json:
        _print_json(_facts(entry) | {"problem": problem})
        return
    lines = {
        "name": entry.name,
        "file": str(entry.path),
        "on disk": decimal(entry.bytes),
        "last used": _when(entry),
    }
    if about := entry.about:
        lines |= {
            "model": f"{about.model}, {about.dtype}",
            "plan": about.plan or "(stock)",
            "documents": ", ".join(about.documents) or "(none)",
            "tokens": ", ".join(f"{count:,}" for count in about.tokens),
            "read in": f"{about.read_seconds:.1f} s",
            "saved by": f"longspan {about.longspan}",
        }
    lines["state"] = problem or "whole"
    for key, text in lines.items():
        typer.echo(f"{key:<9}  {printable(text, lines=False)}")


@app.command("remove")
def remove_context(name: NameArgument, as_json: JsonOption = False) -> None:
    """Delete a saved context."""
    from longspan.contexts.folder import find, remove

    entry = find(name)
    freed = remove(entry)
    if as_json:
        _print_json({"name": entry.name, "freed_bytes": freed})
    else:
        typer.echo(f"removed {entry.name}, {decimal(freed)} freed")


@app.command("prune")
def prune_contexts(
    max_bytes: Annotated[str, typer.Option(help="What may stay, such as 2GiB; 0 deletes all.")],
    as_json: JsonOption = False,
) -> None:
    """Delete the contexts that were not used for longest, until the others fit."""
    from longspan.contexts.folder import prune

    gone = prune(read_bytes("--max-bytes", max_bytes))
    freed = sum(entry.bytes for entry in gone)
    if as_json:
        _print_json({"removed": [entry.name for entry in gone], "freed_bytes": freed})
    else:
        typer.echo(f"removed {len(gone):,} contexts, {decimal(freed)} freed")


def _facts(entry: Entry) -> dict[str, Any]:
    about = entry.about.to_dict() if entry.about else None
    return {
        "name": entry.name,
        "file": str(entry.path),
        "bytes": entry.bytes,
        "last_used": _when(entry),
        "about": about,
        "problem": entry.problem,
    }


def _reason(entry: Entry) -> str:
    """Why nothing is known of it, without its path and the advice."""
    said = entry.problem.replace(str(entry.path), "").removeprefix("saved context").strip()
    return said.removeprefix("is ").partition(";")[0] or "damaged, or of another format"


def _when(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.used).astimezone().isoformat(sep=" ", timespec="seconds")


def _short(text: str) -> str:
    shown = printable(text, lines=False)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")

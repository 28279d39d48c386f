"""The command. Each subcommand is a file; this one wires them together and turns errors into one line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from longspan import __version__
from longspan.cli import ask, cache, check, evaluate, extend, field, methods, models, probe, report, tune
from longspan.errors import LongspanError
from longspan.spans import printable

app = typer.Typer(
    name="longspan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A longer context for open-weight language models, in bounded memory, with its cost shown.",
)
app.command()(ask.ask)
app.command("eval", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command()(report.report)
app.command()(tune.tune)
app.command()(extend.extend)
app.command()(methods.methods)
app.command()(field.field)
app.command()(check.check)
app.add_typer(models.app, name="models")
app.add_typer(cache.app, name="cache")
app.add_typer(probe.app, name="probe")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"longspan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command. A user's mistake gives one line on standard error and exit code 2."""
    try:
        app()
    except (LongspanError, ValueError) as error:
        typer.echo(f"longspan: {printable(str(error), lines=False)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("longspan: interrupted", err=True)
        sys.exit(130)

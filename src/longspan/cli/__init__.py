"""The command. Each subcommand is a file; this one wires them together and turns errors into one line."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from longspan import __version__
from longspan.cli import (
    ask,
    cache,
    chat,
    check,
    compress,
    estimate,
    evaluate,
    extend,
    field,
    index,
    methods,
    models,
    probe,
    report,
    serve,
    summarize,
    tune,
    write,
)
from longspan.cli.options import options_of, refuse_empty_paths, with_options
from longspan.cli.terminal import give_up_output, streams
from longspan.errors import LongspanError
from longspan.loading.reason import panics_raised
from longspan.spans import printable

app = typer.Typer(
    name="longspan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A longer context for open-weight language models, in bounded memory, with its cost shown.",
)
app.command()(ask.ask)
app.command()(index.index)
app.command()(index.search)
app.command()(chat.chat)
app.command()(summarize.summarize)
app.command()(compress.compress)
app.command()(write.write)
app.command()(serve.serve)
app.command("eval", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command()(estimate.lengths)
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
    with streams():
        code = _run()
    sys.exit(code)


def _run() -> int:
    try:
        refuse_empty_paths(sys.argv[1:])
        with panics_raised():
            code = app(standalone_mode=False)
        sys.stdout.flush()
    except UnicodeEncodeError as error:
        return _refuse(f"{error.object[:200]!r} holds bytes that are not UTF-8; rename it", 2)
    except (LongspanError, ValueError) as error:
        return _refuse(with_options(str(error), options_of(typer.main.get_command(app), sys.argv[1:])), 2)
    except (KeyboardInterrupt, typer.Abort):
        return _refuse("interrupted", 130)
    except OSError as error:
        give_up_output()
        return 1 if isinstance(error, BrokenPipeError) else _refuse(_unusable(error), 2)
    except Exception as error:
        return _failed(error)
    code = code if isinstance(code, int) else 0
    return _refuse("interrupted", code) if code == 130 else code


def _failed(error: Exception) -> int:
    """What is wrong with the command line, or with longspan."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error), err=True)
        return 2
    if message := getattr(error, "format_message", None):  # what the command line's parser refuses
        said = message().rstrip(".")
        dash = "put -- before words that begin with a dash, or " if "No such option" in said else ""
        context = getattr(error, "ctx", None)
        return _refuse(f"{said}; {dash}see '{context.command_path if context else 'longspan'} --help'", 2)
    if os.environ.get("LONGSPAN_TRACEBACK"):
        raise error
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return _refuse(
        f"unexpected {said} ({os.path.basename(where.filename)}, line {where.lineno}); "
        "set LONGSPAN_TRACEBACK=1 to see where, and report it",
        1,
    )


def _unusable(error: OSError) -> str:
    if error.filename is None:
        return f"the output cannot be written ({error.strerror}); free some space or send it elsewhere"
    return f"{error.filename} cannot be used ({error.strerror}); check path and rights"


def _refuse(line: str, code: int) -> int:
    typer.echo(f"longspan: {printable(line, lines=False)}", err=True)
    return code

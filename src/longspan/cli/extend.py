"""`longspan extend`: factors with which a model reads texts longer than its window."""

from __future__ import annotations

import json
import math
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from longspan.cli.loaded import WeightsOption, loaded_model
from longspan.cli.tune import read_amount
from longspan.cli.waiting import Lines
from longspan.notation import quote
from longspan.parameters import check_choice, check_range
from longspan.spans import Document, printable

if TYPE_CHECKING:
    from longspan.extending.extend import Found, Stage

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_METHODS = ("longrope", "longrope2")


def extend(
    model: Annotated[str, typer.Argument(help="A short name, folder, .gguf file or hub id.")] = "default",
    out: Annotated[
        Path,
        typer.Option(
            help="The file for the factors, replaced if it is there. What was tried is kept beside it with .search at "
            "its end: the same command goes on from there."
        ),
    ] = Path("factors.json"),
    method: Annotated[
        str,
        typer.Option(
            help="longrope: by how well all of a text is foretold; longrope2: only what must be found again from its "
            "beginning."
        ),
    ] = "longrope2",
    target: Annotated[
        int | None, typer.Option(help="Tokens to read; by default four times the window.")
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            help="A long text, such as a book, that samples are cut from; by default made-up sentences."
        ),
    ] = None,
    population: Annotated[
        int,
        typer.Option(help="Candidates to begin with; half as many are tried in each iteration."),
    ] = 64,
    iterations: Annotated[
        int,
        typer.Option(
            help="With the paper's 64 and 40, 1,344 candidates each read all samples, which takes days on a GPU; "
            "16 and 8 try 80 and 8 and 2 try 16, which is useful too."
        ),
    ] = 40,
    samples: Annotated[
        int | None,
        typer.Option(help="Texts of the target length; by default the paper's 5, or 10 for longrope2."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Candidates and needles are a function of it.")] = 0,
    time_limit: Annotated[
        str | None,
        typer.Option(
            help="Begin no further candidate after this time, such as 8h; the best so far is written."
        ),
    ] = None,
    weights: WeightsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search for the factors by which a model's positions are best slowed down for longer texts."""
    check_choice("--method", method, _METHODS)
    check_range("--population", population, 4)
    check_range("--iterations", iterations, 0)
    if samples is not None:
        check_range("--samples", samples, 1)
    if target is not None:
        check_range("--target", target, 1)
    limit = read_amount("--time-limit", time_limit, _SECONDS, "8h") if time_limit else None
    source = Document.open(text).text if text else None

    from longspan.extending.evolving import Evolution
    from longspan.extending.extend import extend as search
    from longspan.extending.writing import check_path

    check_path(out)
    loaded = loaded_model(model, weights=weights)
    with _Display() as display:
        found = search(
            loaded,
            out,
            method=method,
            target=4 * loaded.window if target is None else target,
            text=source,
            samples=samples,
            evolution=Evolution.of(population, iterations),
            seed=seed,
            seconds=limit,
            watch=display.watch,
        )
    if as_json:
        record = {"file": str(out), "model": loaded.name, **found.rescaling.to_dict(found.to_dict())}
        typer.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    _show(found, out)


def _show(found: Found, out: Path) -> None:
    """What was found, beside what the search began with."""
    rescaling = found.rescaling
    for origin, losses in groupby(found.starts, key=lambda start: start[0]):
        typer.echo(f"{origin:<12} {_perplexity(min(loss for _, loss in losses)):>12}")
    typer.echo(f"{'found':<12} {_perplexity(found.loss):>12}")
    kept = f", {found.kept:,} of them earlier" if found.kept else ""
    typer.echo(f"{found.scored:,} of {found.total:,} candidates{kept}, {found.seconds:.0f} s")
    if rescaling.critical is not None:
        typer.echo(f"critical pair of channels: {rescaling.critical} of {len(rescaling.factors)}")
    if not found.complete:
        typer.echo("note: the time was over; the same command goes on from here")
    plan = f"positions={rescaling.method}(factors={quote(str(out))})"
    typer.echo(printable(f"written to {out}; use it with --plan '{plan}'", lines=False))


def _perplexity(loss: float) -> str:
    return f"{math.exp(loss):,.2f}" if loss < 20 else f"{math.exp(loss):.1e}"


class _Display:
    """How many candidates are scored, on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bars.add_task("candidates", total=None)
        self._lines = None if console.is_terminal else Lines()

    def watch(self, stage: Stage) -> None:
        """Shows a stage."""
        said = f"candidates, perplexity {_perplexity(stage.loss)}"
        self._bars.update(self._task, completed=stage.done, total=stage.total, description=said)
        if self._lines is not None:
            self._lines(f"{stage.done:,} of {stage.total:,} {said}")

    def __enter__(self) -> _Display:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

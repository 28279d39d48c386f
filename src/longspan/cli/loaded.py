"""The model that a command loads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from longspan.cli.waiting import Lines
from longspan.progress import Progress, Watcher
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.model import Model

WEIGHTS = (
    "auto: packed if the file's are, and this processor has products for them; packed; int8 or int4, made of floating "
    "ones; expanded."
)
WeightsOption = Annotated[str, typer.Option("--weights", help=WEIGHTS)]
ModelOption = Annotated[
    str | None,
    typer.Option(help="A short name, folder, .gguf file or hub id; by default the embedded model."),
]
PlanOption = Annotated[str, typer.Option(help='Methods to use, as "slot=method(...) ..." or a .toml file.')]
ChunkOption = Annotated[int, typer.Option(help="Tokens that pass through the model at a time.")]
DtypeOption = Annotated[str, typer.Option(help="Number format: auto, float32, bfloat16 or float16.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]


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


def loaded_model(name: str | None, **options: Any) -> Model:
    """The model of a command, with bars while it is fetched, and a note on standard error where it has one."""
    from longspan.loading.weights import begin

    begin(name, options.get("weights", "auto"))

    from longspan.model import load

    with shown_progress() as progress:
        model = load(name, progress=progress, **options)
    tell_note(model.note)
    return model


def tell_note(note: str) -> None:
    """Says on standard error what is to be said of the form of the weights."""
    if note:
        typer.echo(f"note: {printable(note, lines=False)}", err=True)

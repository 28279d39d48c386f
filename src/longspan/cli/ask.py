"""`longspan ask`: one question about some files."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from longspan.cli.models import shown_progress
from longspan.cli.sizes import read_bytes
from longspan.parameters import check_choice, check_range
from longspan.plan import Plan
from longspan.spans import Citation, Document, printable

if TYPE_CHECKING:
    from longspan.batch import Progress
    from longspan.flows.ask import Reading

FLOWS = ("auto", "direct", "passages")


def ask(
    words: Annotated[
        list[str], typer.Argument(metavar="FILE... QUESTION", help="Files to read, then the question.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A short name, folder, .gguf file or hub id; by default the embedded model."),
    ] = None,
    plan: Annotated[
        str, typer.Option(help='Methods to use, as "slot=method(...) ..." or a .toml file.')
    ] = "",
    flow: Annotated[
        str, typer.Option(help="auto: whole if it fits the window, else passages; direct; passages.")
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="The answer's longest length in tokens.")] = 256,
    save: Annotated[
        bool, typer.Option(help="Keep what was read for further questions, and use what was kept.")
    ] = True,
    max_bytes: Annotated[
        str, typer.Option(help="What kept contexts may take in all; those not used for longest go.")
    ] = "8GiB",
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON, when done.")] = False,
) -> None:
    """Answer a question about files, with quotes that are checked against them."""
    *files, question = words
    if not files:
        raise ValueError(
            "no file is given; write longspan ask FILE... QUESTION, with the question in quotation marks"
        )
    check_choice("--flow", flow, FLOWS)
    check_range("--max-new-tokens", max_new_tokens, 1)
    keep = read_bytes("--max-bytes", max_bytes) if save else 0
    chosen = Plan.of(plan)
    documents = [Document.open(file) for file in files]
    for document in documents:
        for note in document.notes:
            typer.echo(printable(f"note: {document.name} {note}", lines=False), err=True)
        if document.blank_pages:
            pages = ", ".join(map(str, document.blank_pages))
            note = f"note: {document.name} has no text on page {pages}; if these are scans, run OCR first"
            typer.echo(printable(note, lines=False), err=True)

    from longspan.flows.ask import ask as answer_question
    from longspan.model import load

    with shown_progress() as loading:
        loaded = load(model, progress=loading)
    display = _Display(quiet=as_json)
    try:
        answer = answer_question(
            loaded,
            documents,
            question,
            plan=chosen,
            flow=flow,  # type: ignore[arg-type]
            max_new_tokens=max_new_tokens,
            decided=display.decided,
            progress=display.progress,
            stream=display.stream,
            keep=keep,
            note=display.note,
        )
    finally:
        display.stop()
    if as_json:
        typer.echo(json.dumps(answer.to_dict(), indent=2, ensure_ascii=False))
        return
    typer.echo("\n")
    for citation in answer.citations:
        typer.echo(_quote(citation, documents))
    typer.echo(f"{answer.usage.line()} · {loaded.name}, {loaded.checked.dtype}")


def _quote(citation: Citation, documents: list[Document]) -> str:
    text = printable(" ".join(citation.quote.split()), lines=False)
    if citation.start is None or not citation.verified:
        return f"  ✗ “{text}” — not in what was read"
    document = next(each for each in documents if each.name == citation.document)
    return f"  ✓ “{text}” — {printable(document.describe(citation.start), lines=False)}"


class _Display:
    """Progress on standard error while reading, then the answer on standard output as it comes."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        columns = (
            TextColumn("reading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tokens"),
            TimeRemainingColumn(),
        )
        self._console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._task = self._bars.add_task("reading", total=None)
        self._text = ""

    def decided(self, reading: Reading) -> None:
        if not self._quiet:
            self._console.print(reading.describe(), markup=False)
        self._bars.update(self._task, total=reading.prompt_tokens)
        self._bars.start()

    def note(self, line: str) -> None:
        if not self._quiet:
            self._console.print(printable(line, lines=False), markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        self._bars.update(self._task, completed=progress.processed, total=progress.total)

    def stream(self, text: str) -> None:
        self.stop()
        if not self._quiet:
            shown = printable(text if self._text else text.lstrip())
            self._text += shown
            sys.stdout.write(shown)
            sys.stdout.flush()

    def stop(self) -> None:
        self._bars.stop()

"""What a user sees while a question is answered, and afterwards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from longspan.cli.asked import note
from longspan.cli.waiting import Lines
from longspan.spans import Citation, printable

if TYPE_CHECKING:
    from longspan.flows.ask import Reading
    from longspan.progress import Progress

_NARROW = 60  # columns of a terminal in which the numbers are more than a bar


def quoted(citation: Citation) -> str:
    """A citation in a line, and in a second one the sentence in which the quote is only a part."""
    text = _line(citation.quote)
    if not citation.verified:
        return f"  ✗ “{text}” — not in what was read"
    shown = f"  ✓ “{text}” — {_line(citation.place)}"
    sentence = _line(citation.sentence)
    return shown if sentence == text else f"{shown}\n      in “{sentence}”"


def _line(text: str) -> str:
    return printable(" ".join(text.split()), lines=False)


class Display:
    """Progress on standard error while reading, then the answer on standard output as it comes.

    quiet: only what must not be missed is said, and the answer is not shown.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        wide = self._console.width >= _NARROW
        columns: list[ProgressColumn] = [TextColumn("reading"), MofNCompleteColumn(), TextColumn("tokens")]
        if wide:
            columns = [columns[0], BarColumn(), *columns[1:], TimeRemainingColumn()]
        self._bars = Bars(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._task = self._bars.add_task("reading", total=None)
        self._lines = Lines()
        self._text = ""

    def decided(self, reading: Reading) -> None:
        """Says what will be read."""
        if reading.flow == "passages" and not reading.speaking:
            note(
                "no passage shares a word with the question; ask in words of the documents, or raise the window"
            )
        if not self._quiet:
            self._console.print(reading.describe(), markup=False, soft_wrap=True)
        self._bars.update(self._task, total=reading.prompt_tokens)
        self._bars.start()

    def note(self, line: str) -> None:
        """Says what happened to what was read."""
        if not self._quiet:
            self._console.print(printable(line, lines=False), markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Shows how far reading has come."""
        self._bars.update(self._task, completed=progress.processed, total=progress.total)
        if not self._console.is_terminal and not self._quiet and progress.processed < (progress.total or 0):
            self._lines(f"reading: {progress.processed:,} of {progress.total:,} {progress.unit}")

    def stream(self, text: str) -> None:
        """Shows a piece of the answer."""
        self._bars.stop()
        if not self._quiet:
            shown = printable(text if self._text else text.lstrip())
            self._text += shown
            sys.stdout.write(shown)
            sys.stdout.flush()

    def stop(self, *, finished: bool) -> None:
        """Takes the bar away; an answer that was not finished is ended with its line."""
        self._bars.stop()
        if self._text and not finished:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self._text = ""

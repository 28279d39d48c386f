"""What a user asks about what: the words of the command line as documents and a question."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import typer

from longspan.errors import DocumentError
from longspan.spans import Document, printable
from longspan.spans.display import escaped

_USAGE = "write longspan ask FILE... QUESTION, with the question in quotation marks"
_STDIN = "-"


def split(words: Sequence[str]) -> tuple[list[str], str]:
    """The files, each once, and the question. Raises ValueError where one of them is not there, or not readable."""
    *files, question = words
    if not files:
        lacks = (
            "no question is given" if question == _STDIN or Path(question).exists() else "no file is given"
        )
        raise ValueError(f"{lacks}; {_USAGE}")
    _check_question(question)
    return _once(files), question


def opened(files: Sequence[str]) -> list[Document]:
    """The documents; what is in a file and not in its text is noted on standard error."""
    documents = [_standard_input() if file == _STDIN else Document.open(file) for file in files]
    for document in documents:
        if document.blank_pages:
            pages = ", ".join(map(str, document.blank_pages))
            note(f"{document.name} has no text on page {pages}; if these are scans, run OCR first")
        for line in document.notes:
            note(line)
    return documents


def note(line: str) -> None:
    """One line on standard error."""
    typer.echo(printable(f"note: {line}", lines=False), err=True)


def _check_question(question: str) -> None:
    if not any(
        not each.isspace() and unicodedata.category(each) not in ("Cf", "Cc", "Zs") for each in question
    ):
        raise ValueError("the question is empty; ask something")
    try:
        question.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"the question holds bytes that are not UTF-8 ({escaped(question)[:60]}); write it in UTF-8"
        ) from None
    try:
        is_file = Path(question).exists()
    except OSError:  # too long for a name
        is_file = False
    if is_file:
        raise ValueError(
            f"the last word is the question, and {escaped(question)} is a file; add the question, or ask about that "
            f"name in marks of its own: '\"{escaped(question)}\"'"
        )


def _once(files: Sequence[str]) -> list[str]:
    """The files without those that are there already under the same or another name."""
    known: dict[object, str] = {}
    for file in files:
        try:
            facts = os.stat(file) if file != _STDIN else None
            key: object = (facts.st_dev, facts.st_ino) if facts else _STDIN
        except (OSError, ValueError):
            key = file  # opening it says what is wrong
        if key in known:
            same = "twice the same file" if known[key] == file else f"the same file as {escaped(known[key])}"
            note(f"{escaped(file)} is {same}; it is read once")
        known.setdefault(key, file)
    return list(known.values())


def _standard_input() -> Document:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DocumentError("there is no standard input to read for -; name a file")
    return Document.of(stream.read(), "standard input")

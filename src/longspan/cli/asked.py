"""What a user asks about what: the words of the command line as documents and a question."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from longspan.errors import DocumentError
from longspan.spans import Document, Listing, listing, printable
from longspan.spans.display import escaped

_USAGE = "write longspan ask FILE... QUESTION, with the question in quotation marks"
_STDIN = "-"
_MAX_WRONG = 8


def split(words: Sequence[str], *, alone: bool = False) -> tuple[list[str], str]:
    """The files, each once, and the question. Raises ValueError where one of them is not there, or not readable.

    alone: whether a question may stand without files.
    """
    *files, question = words
    if not files and not alone:
        lacks = (
            "no question is given" if question == _STDIN or Path(question).exists() else "no file is given"
        )
        raise ValueError(f"{lacks}; {_USAGE}")
    _check_question(question)
    return _once(files), question


def opened(files: Sequence[str]) -> list[Document]:
    """The documents of files, folders and patterns; what is not read, of a folder or in a file, is noted."""
    documents = [document for listed in _listed(files) for document in _read(listed)]
    for document in documents:
        if document.blank_pages:
            pages = ", ".join(map(str, document.blank_pages))
            note(f"{document.name} has no text on page {pages}; if these are scans, run OCR first")
        for line in document.notes:
            note(line)
    return documents


def _listed(files: Sequence[str]) -> list[Listing]:
    """What each of the words stands for, and no file twice."""
    listings = [Listing(name=file, files=()) if file == _STDIN else listing(file) for file in files]
    known: set[tuple[int, int]] = set()
    for number, each in enumerate(listings):
        files_of = {path: (facts.st_dev, facts.st_ino) for path in each.files if (facts := _facts(path))}
        if each.several:
            again = [path for path in each.files if files_of.get(path) in known]
            rest = tuple(path for path in each.files if path not in again)
            skipped = each.skipped + Counter({"named before": len(again)})
            listings[number] = replace(each, files=rest, skipped=skipped)
            note(listings[number].describe())
        known |= set(files_of.values())
    return listings


def _read(listed: Listing) -> list[Document]:
    """The documents of a word; of several files those that can be read, and what is wrong with the others noted."""
    if listed.name == _STDIN:
        return [_standard_input()]
    if not listed.several:
        return [Document.open(listed.name)]
    documents, wrong = [], []
    for path in listed.files:
        try:
            documents.append(Document.open(path))
        except DocumentError as error:
            wrong.append(str(error))
    for line in wrong[:_MAX_WRONG]:
        note(f"not read: {line}")
    if len(wrong) > _MAX_WRONG:
        note(f"not read: {len(wrong) - _MAX_WRONG:,} more files of {escaped(listed.name)}")
    if wrong and not documents:
        raise DocumentError(f"no file of {escaped(listed.name)} can be read; {wrong[0]}")
    return documents


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):  # opening it says what is wrong
        return None


def note(line: str) -> None:
    """One line on standard error."""
    typer.echo(printable(f"note: {line}", lines=False), err=True)


def check_words(name: str, said: str, wanted: str) -> None:
    """Raises ValueError for words that say nothing, or that are not UTF-8. name: what they are. wanted: what to do."""
    if not any(not each.isspace() and unicodedata.category(each) not in ("Cf", "Cc", "Zs") for each in said):
        raise ValueError(f"the {name} is empty; {wanted}")
    try:
        said.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"the {name} holds bytes that are not UTF-8 ({escaped(said)[:60]}); write it in UTF-8"
        ) from None


def _check_question(question: str) -> None:
    check_words("question", question, "ask something")
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

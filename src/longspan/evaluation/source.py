"""Rows of a published data set: from a local file, or from the hub."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from longspan.evaluation.task import TaskError

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows of a task lie.

    hub: id of the data set on the hub, "" if it is not there. files: under which names its file may lie in the folder
    of local data, the first that exists is taken; .jsonl, .json (a list, or an object), .csv (with a first line of
    names), .txt (one row with its `text`), each also with .gz. subset, split and revision as `datasets` knows them;
    folder: the one of the hub's repository that holds the files, where it is not the whole. columns: fields that are
    needed of the hub's rows, all where it is empty. address: where people get the files if the hub does not have them.
    """

    hub: str = ""
    subset: str | None = None
    split: str = "test"
    revision: str | None = None
    folder: str | None = None
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    address: str = ""

    def rows(self, data: Path | None, task: str) -> Iterator[Row]:
        """The rows, from the folder `data` if they are there, else from the hub.

        Raises TaskError that says how to get them, or, with the line's number, which line is malformed.
        """
        for name in self.files if data is not None else ():
            if data is not None and (path := data / name).is_file():
                yield from read_rows(path)
                return
        yield from self._from_hub(data, task)

    def _from_hub(self, data: Path | None, task: str) -> Iterator[Row]:
        local = f"put {' or '.join(self.files)} into a folder and name the folder with data=..." * bool(
            self.files
        )
        if self.address:
            local = f"fetch it from {self.address}, {local}"
        where = f" (it is not in {data})" if data is not None else ""
        if not self.hub:
            raise TaskError(f"{task} needs its data{where}: {local}")
        otherwise = f", or {local}" if local else ""
        try:
            from datasets import load_dataset
        except ImportError as error:
            raise TaskError(
                f"{task} needs its data{where}: pip install 'longspan[datasets]' to fetch {self.hub}{otherwise}"
            ) from error
        try:
            rows = load_dataset(
                self.hub, self.subset, data_dir=self.folder, split=self.split, revision=self.revision
            )
            if self.columns:
                rows = rows.select_columns(list(self.columns))
        except Exception as error:  # the hub, the network and the data set can each fail in their own way
            reason = " ".join(str(error).split())[:200]
            raise TaskError(
                f"{task} needs its data{where}: {self.hub} cannot be fetched ({reason}); connect to the hub{otherwise}"
            ) from error
        yield from (dict(row) for row in rows)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a local file. Raises TaskError, with the line's number where a line is malformed."""
    for _, row in placed_rows(path):
        yield row


def placed_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Each row of a local file after its place, such as "questions.jsonl line 3". Raises TaskError as `read_rows`."""
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    read = {".jsonl": _lines, ".csv": _records, ".txt": _whole}.get(kind, _items)
    try:
        with _opened(path) as file:
            yield from read(file, path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"{path} cannot be read: {error}; fetch or write it anew") from error


def _opened(path: Path) -> IO[str]:
    """The file as text whose line ends stay as they are, without the mark that some editors put before it."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")


def _lines(file: IO[str], path: Path) -> Iterator[tuple[str, Row]]:
    """One object a line; a line ends only at a line feed, since records may hold other separators."""
    for number, line in enumerate(file, 1):
        if line.strip():
            place = f"{path} line {number}"
            yield place, _checked(_parsed(line, place), place)


def _items(file: IO[str], path: Path) -> Iterator[tuple[str, Row]]:
    content = _parsed(file.read(), str(path))
    for number, item in enumerate(content if isinstance(content, list) else [content], 1):
        place = f"{path} item {number}"
        yield place, _checked(item, place)


def _records(file: IO[str], path: Path) -> Iterator[tuple[str, Row]]:
    reader = csv.DictReader(file, strict=True)
    for row in reader:
        place = f"{path} line {reader.line_num}"
        if None in row or None in row.values():
            raise TaskError(f"{place}: not as many fields as the first line names; mend the line")
        yield place, row


def _whole(file: IO[str], path: Path) -> Iterator[tuple[str, Row]]:
    yield str(path), {"text": file.read()}


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TaskError(f"{place}: not JSON ({error.msg} at character {error.pos}); mend it") from error
    except RecursionError as error:
        raise TaskError(f"{place}: JSON nested too deeply to be data; mend it") from error


def _checked(value: Any, place: str) -> Row:
    if not isinstance(value, dict):
        raise TaskError(f"{place}: {type(value).__name__} where an object is needed; mend it")
    return value

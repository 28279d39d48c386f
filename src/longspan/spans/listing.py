"""Which files a name stands for: one file, all of a folder, or those that fit a pattern."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from longspan.errors import DocumentError
from longspan.spans.display import escaped, printable
from longspan.spans.formats.opening import is_named_format
from longspan.spans.formats.reason import reason
from longspan.spans.formats.unread import is_binary

_HEAD = 4096
_FURNITURE = ("__pycache__", "node_modules")
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a name stands for.

    name: the file, folder or pattern as it was given.
    files: the files to read, each once, in an order that is the same everywhere: name by name, numbers by value.
    skipped: how many others there are, by the reason for which they are not read.
    several: whether a folder or a pattern was meant, so that one file that cannot be read is no reason to stop.
    """

    name: str
    files: tuple[Path, ...]
    skipped: Counter[str] = field(default_factory=Counter)
    several: bool = False

    def describe(self) -> str:
        """Which files are read, and which are not and why, in one line."""
        count = len(self.files)
        said = f"{escaped(self.name)} stands for {count:,} file{'' if count == 1 else 's'}"
        if self.skipped:
            others = ", ".join(f"{number:,} {why}" for why, number in sorted(self.skipped.items()))
            said += f"; not read: {others}"
        return printable(said, lines=False)


def files_under(name: str | os.PathLike[str]) -> list[Path]:
    """The files that a path or a pattern such as ``notes/**/*.md`` stands for, in a stable order; see `listing`."""
    return list(listing(name).files)


def listing(name: str | os.PathLike[str]) -> Listing:
    """What a file, a folder or a pattern stands for.

    A file is itself. Of a folder and of those in it, files are taken that have a format that is read or look like text;
    skipped and counted are hidden ones (their names, or those of a folder on the way, begin with a dot, or are those of
    caches and of Office's locks), empty ones, binary ones, those that cannot be opened, and links to folders. In a
    pattern ``*``, ``?`` and ``[a-z]`` stand for parts of a name and ``**`` for any folders; what is hidden fits only
    where the pattern says the dot. Raises ``DocumentError`` if there is nothing there.
    """
    path = os.fspath(name)
    try:
        if os.path.isdir(path):
            return _chosen(path, _walked(Path(path), hidden=False))
        if os.path.lexists(path) or not glob.has_magic(path):
            return Listing(name=path, files=(Path(path),))
    except ValueError:  # a path with NUL
        return Listing(name=path, files=(Path(path),))
    return _chosen(path, _fitting(path))


def _chosen(name: str, found: Iterator[tuple[Path, str]]) -> Listing:
    files: dict[tuple[int, int], Path] = {}
    skipped: Counter[str] = Counter()
    for path, why in sorted(found, key=lambda pair: _order(pair[0])):
        try:
            why = why or _unfit(path)
            facts = path.stat()
        except OSError:
            why = why or "that cannot be opened"
        if not why and (facts.st_dev, facts.st_ino) in files:
            why = "there under another name"
        if why:
            skipped[why] += 1
        else:
            files[facts.st_dev, facts.st_ino] = path
    found_ones = Listing(name=name, files=tuple(files.values()), skipped=skipped, several=True)
    if not files:
        shown, said = escaped(name), found_ones.describe().partition("; not read: ")[2]
        what = "is a folder without files that can be read" if os.path.isdir(name) else "fits no file"
        raise DocumentError(
            f"{shown} {what}{f' ({said})' if said else ''}; check the path, or name other files"
        )
    return found_ones


def _unfit(path: Path) -> str:
    """Why a file is not read; empty if it is."""
    if not path.is_file():
        return "linked folders" if path.is_dir() else "not regular"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "empty"
    return "" if is_named_format(path.suffix.lower()) or not is_binary(head) else "binary"


def _walked(root: Path, *, hidden: bool) -> Iterator[tuple[Path, str]]:
    """Every file below a folder, and why it is not read if its name tells; folders that are hidden are not entered."""
    refused: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=refused.append):
        if refused and Path(folder) == root:
            break
        inside = Path(folder)
        kept = []
        for each in folders:
            if not hidden and _is_hidden(each):
                yield inside / each, "hidden"
            elif (inside / each).is_symlink():
                yield inside / each, "linked folders"
            else:
                kept.append(each)
        folders[:] = kept
        for each in files:
            yield inside / each, "hidden" if not hidden and _is_hidden(each) else ""
    for error in refused:
        if error.filename == os.fspath(root):
            raise DocumentError(
                f"{escaped(str(root))} cannot be opened ({reason(error)}); check its rights"
            ) from error
        yield Path(error.filename or root), "that cannot be opened"


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name in _FURNITURE


def _fitting(pattern: str) -> Iterator[tuple[Path, str]]:
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    root, wanted = Path(*parts[:fixed]), parts[fixed:]
    dots = any(part.startswith((".", "[")) for part in wanted)
    if root.is_dir():
        for path, why in _walked(root, hidden=dots):
            inside = path.relative_to(root).parts
            if _fits(inside, wanted):
                yield path, why


def _fits(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether the parts of a path are those of a pattern, in which ``**`` is any number of them."""
    states = {0}
    for part in (*parts, None):
        for state in sorted(states):
            while state < len(wanted) and wanted[state] == "**":
                state += 1
                states.add(state)
        if part is None:
            break
        states = {
            state if wanted[state] == "**" else state + 1
            for state in states
            if state < len(wanted) and _fits_name(part, wanted[state])
        }
    return len(wanted) in states


def _fits_name(name: str, wanted: str) -> bool:
    if name.startswith(".") and not wanted.startswith(".") and wanted != "**":
        return False
    return wanted == "**" or fnmatchcase(name, wanted)


def _order(path: Path) -> tuple[list[tuple[int, int, str]], ...]:
    """Names as people sort them: case does not count, and 10 comes after 9."""
    return tuple(
        [
            (0, int(piece), "") if piece.isdecimal() else (1, 0, piece)
            for piece in _DIGITS.split(part.casefold())
            if piece
        ]
        + [(2, 0, part)]
        for part in path.parts
    )

"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PREFIX, _SUFFIX = ".longspan-", ".partial"


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well, and disappears when not.

    It lies beside `path` until then, and is on the disk before it takes its place. private: only the user may read it,
    and a link is replaced instead of followed. Raises OSError where it cannot be written, and for what is there and no
    ordinary file, such as a device or a pipe, whose place nothing may take.
    """
    if not private and path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "it is no ordinary file", str(path))
    draft = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    file = _created(draft, 0o600 if private else 0o666)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Puts a file of UTF-8 text in the place of what was there, its lines ended as in `text`. Raises OSError."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def sweep(folder: Path) -> None:
    """Removes what killed processes have left in a folder; for one in which nobody is writing. Raises OSError."""
    for leftover in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def _created(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(
        os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode), "wb"
    )


def _sync(folder: Path) -> None:
    """Brings the folder's list of names to the disk, where the system lets a folder be opened."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

"""Where memories lie: one file for each name, which only its user may read."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from longspan.errors import MemoryFileError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BESIDE = ("", "-wal", "-shm")
"""SQLite's files of one database."""


def memory_path(name: str) -> Path:
    """The file of the memory called `name`, in the user's data folder or the folder named by LONGSPAN_MEMORY.

    Raises ValueError for a name that is no plain word.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"memory={name!r} is no name; use 1 to 64 letters, digits, dots, dashes and underscores, a letter or "
            "digit first"
        )
    return _folder() / f"{name}.sqlite"


def memory_names() -> list[str]:
    """The names of all memories, sorted."""
    return sorted(path.stem for path in _folder().glob("*.sqlite") if _NAME.fullmatch(path.stem))


def prepare(path: Path) -> None:
    """Makes the file's folder, and an empty file of the user's own. Raises MemoryFileError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise MemoryFileError(
            f"{path} cannot be written ({error.strerror}); set LONGSPAN_MEMORY to a folder that can"
        ) from None


def erase_memory(path: Path) -> None:
    """Removes a memory's files; nobody may have it open."""
    for ending in _BESIDE:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _folder() -> Path:
    named = os.environ.get("LONGSPAN_MEMORY")
    return Path(named).absolute() if named else platformdirs.user_data_path("longspan") / "memory"

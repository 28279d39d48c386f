"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from longspan.cache_folder import locked
from longspan.errors import ContextError, LongspanError

_PREFIX, _SUFFIX = ".longspan-", ".partial"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well, and disappears when not.

    Only the user may read it. One process saves at a time, and first clears away what killed ones left in the folder.
    """
    folder = path.parent
    with _alone():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            number, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
            try:
                with os.fdopen(number, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
            _settle(folder)
        except OSError as error:
            raise ContextError(
                f"the context cannot be saved as {path} ({error.strerror}); free some space or give another path"
            ) from None


def clear(folder: Path) -> None:
    """Removes what processes that were killed while saving have left in a folder."""
    with _alone():
        try:
            _sweep(folder)
        except OSError as error:
            raise ContextError(
                f"the folder {folder} cannot be tidied ({error.strerror}); set LONGSPAN_CONTEXTS to one that can"
            ) from None


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time; a ContextError where the lock cannot be had, so that an answer does not depend on it."""
    with ExitStack() as held:
        try:
            held.enter_context(locked("contexts"))
        except LongspanError as error:
            raise ContextError(str(error)) from None
        yield


def _sweep(folder: Path) -> None:
    """To be used under the lock: nobody else is writing."""
    for leftover in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Brings the folder's list of names to the disk, where the system lets a folder be opened."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

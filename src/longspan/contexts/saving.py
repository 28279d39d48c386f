"""Contexts on the disk: one process writes at a time, and tidies up after killed ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from longspan.atomic import replacing, sweep
from longspan.cache_folder import locked
from longspan.errors import ContextError, LongspanError


@contextmanager
def saving(path: Path) -> Iterator[BinaryIO]:
    """The file of a context, see `atomic.replacing`; only the user may read it. Raises ContextError.

    One process saves at a time, and first clears away what killed ones left in the folder.
    """
    with _alone():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path.parent)
            with replacing(path, private=True) as file:
                yield file
        except OSError as error:
            raise ContextError(
                f"the context cannot be saved as {path} ({error.strerror}); free some space or give another path"
            ) from None


def clear(folder: Path) -> None:
    """Removes what processes that were killed while saving have left in a folder."""
    with _alone():
        try:
            sweep(folder)
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

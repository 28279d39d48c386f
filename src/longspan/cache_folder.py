"""The cache folder: where it is, and how files come into it whole or not at all.

models/NAME/           files fetched for a known model
converted/KEY/         a GGUF file as a transformers folder, with a manifest `longspan.json`
tokenizers/KEY/        the tokenizer of a GGUF file, as transformers saves it
compiled/              C++ of this package, built for this processor
encoders/NAME/         sentence encoders
indexes/KEY.sqlite     what was found in a folder of the user, to be searched
served/KEY/            contexts of servers, by the model's weights
digests/               SHA-256 of large files of the user, so that they are read once
locks/
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs
from filelock import FileLock

from longspan.errors import LongspanError


def cache_folder() -> Path:
    """The user's cache folder for longspan, or the folder named by LONGSPAN_CACHE."""
    return Path(os.environ.get("LONGSPAN_CACHE") or platformdirs.user_cache_dir("longspan")).absolute()


def subfolder(*parts: str) -> Path:
    """A folder inside the cache, made if it is not there yet."""
    folder = cache_folder().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(error) from None
    return folder


def _not_writable(error: OSError) -> LongspanError:
    return LongspanError(
        f"the cache folder {cache_folder()} cannot be written ({error.strerror}); "
        "set LONGSPAN_CACHE to a folder that can"
    )


@contextmanager
def locked(key: str) -> Iterator[None]:
    """Hold the lock `key`, waiting for any other process that holds it."""
    lock = FileLock(subfolder("locks") / f"{key}.lock")
    try:
        lock.acquire()
    except OSError as error:
        raise _not_writable(error) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` when the block ends well and disappears when not (see `scratch`)."""
    with scratch(target) as temporary:
        building = temporary / target.name
        building.mkdir()
        yield building
        if target.exists():
            shutil.rmtree(target)
        building.rename(target)


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`, on the same disk; gone after the block.

    To be used under the lock of `target`: what an earlier process left half-written is cleared away.
    """
    prefix = f".partial-{target.name}-"
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=target.parent, ignore_cleanup_errors=True
    ) as temporary:
        yield Path(temporary)


def bytes_below(path: Path) -> int:
    """Bytes of all files in a folder, or of one file; 0 when there is nothing."""
    total = path.stat().st_size if path.is_file() else 0
    for folder, _, files in os.walk(path):
        for file in files:
            with suppress(FileNotFoundError):  # another process may be writing here
                total += os.path.getsize(os.path.join(folder, file))
    return total


def require_space(needed: int, what: str) -> None:
    """Raise `LongspanError` when the cache's disk has fewer than `needed` bytes free."""
    free = shutil.disk_usage(subfolder()).free
    if free < needed:
        raise LongspanError(
            f"{what} needs {needed / 1e9:.1f} GB in {cache_folder()} and {free / 1e9:.1f} GB are free; "
            "free some space or set LONGSPAN_CACHE to a folder on another disk"
        )


def delete(path: Path) -> int:
    """Delete a folder of the cache and return the bytes freed; refuses anything outside the cache."""
    root = cache_folder().resolve()
    if path.is_symlink() or root not in path.resolve().parents:
        raise LongspanError(
            f"{path} is not inside the cache folder {root}; delete it by hand if it should go"
        )
    freed = bytes_below(path)
    shutil.rmtree(path)
    return freed

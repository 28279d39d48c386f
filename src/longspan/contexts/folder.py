"""Where contexts lie by default: one file a context in one folder, named after what was read."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from longspan.cache_folder import cache_folder
from longspan.contexts.about import About
from longspan.contexts.header import opened, read_header, verified
from longspan.contexts.saving import clear
from longspan.errors import ContextError
from longspan.parameters import check_range

_SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One saved context. used: when it was last saved or restored, in seconds since 1970.

    about: None for a file that is damaged or of another format; problem then says which.
    """

    name: str
    path: Path
    bytes: int
    used: float
    about: About | None
    problem: str = ""


def contexts_folder() -> Path:
    """The folder named by LONGSPAN_CONTEXTS, or one in longspan's cache folder; made by the first context."""
    named = os.environ.get("LONGSPAN_CONTEXTS")
    return Path(named).absolute() if named else cache_folder() / "contexts"


def place(name: str) -> Path:
    """The file of the context with this name, whether it is there or not."""
    return contexts_folder() / f"{name}{_SUFFIX}"


def entries() -> list[Entry]:
    """All contexts of the folder, last used first; folders in it are none."""
    found = []
    for path in contexts_folder().glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # another process may remove it meanwhile
            if not path.is_dir():
                found.append(_entry(path))
    return sorted(found, key=lambda entry: (-entry.used, entry.name))


def find(name: str) -> Entry:
    """The context whose name is `name` or alone begins with it; it is looked up and never used as a path."""
    known = entries()
    chosen = [entry for entry in known if entry.name == name] or [
        entry for entry in known if name and entry.name.startswith(name)
    ]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise ContextError(f"{len(chosen)} saved contexts begin with {name!r}; give more of the name")
    raise ContextError(f"no saved context {name!r}; see 'longspan cache list'")


def check(entry: Entry) -> None:
    """Reads the whole file. Raises ContextError if it is damaged."""
    with opened(entry.path) as file:
        verified(file, entry.path)


def used(path: Path) -> None:
    """Notes that a context was just used, where the system lets it."""
    with suppress(OSError):
        os.utime(path)


def remove(entry: Entry) -> int:
    """Deletes a context and returns the bytes freed. Sessions that were restored from it go on."""
    try:
        entry.path.unlink(missing_ok=True)
    except OSError as error:
        raise ContextError(
            f"{entry.path} cannot be removed ({error.strerror}); check the folder's rights"
        ) from None
    return entry.bytes


def prune(max_bytes: int) -> list[Entry]:
    """Deletes contexts until the others take at most `max_bytes`, those first that were not used for longest.

    What processes that were killed while saving have left goes too. Returns what was deleted.
    """
    check_range("max_bytes", max_bytes, 0)
    clear(contexts_folder())
    held, gone = 0, []
    for entry in entries():
        held += entry.bytes
        if held > max_bytes:
            remove(entry)
            gone.append(entry)
    return gone


def _entry(path: Path) -> Entry:
    facts = path.stat()
    about, problem = None, ""
    try:
        about = About.of(read_header(path).manifest)
    except (ContextError, ValueError) as error:
        problem = str(error)
    return Entry(
        name=path.name.removesuffix(_SUFFIX),
        path=path,
        bytes=facts.st_size,
        used=facts.st_mtime,
        about=about,
        problem=problem,
    )

"""Folders in which servers keep contexts, and what all keepers do alike."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from longspan.atomic import replacing, sweep
from longspan.errors import ContextError
from longspan.serving.past import Past
from longspan.serving.refused import Refused

_ID = re.compile(r"ctx_[0-9a-f]{32}\Z")


def claimed(folder: Path) -> FileLock:
    """Makes a folder one process's own until the lock is released, and clears away what a killed one left half-written.

    Raises ContextError where another uses it, or it cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim = FileLock(folder / "lock", timeout=0, thread_local=False)
        claim.acquire()
        sweep(folder)
    except Timeout:
        raise ContextError(
            f"{folder} is used by another server; give this one a folder of its own for contexts"
        ) from None
    except OSError as error:
        raise ContextError(
            f"{folder} cannot be used for contexts ({error.strerror}); give another folder"
        ) from None
    return claim


def about(folder: Path, name: str) -> Path:
    """The file that tells of a context. Raises ValueError for a name that could lead anywhere else."""
    if not _ID.match(name):
        raise ValueError(f"{name[:80]!r} is no context; ids are ctx_ and 32 hexadecimal digits")
    return folder / f"{name}.json"


def places(folder: Path, suffix: str = ".json") -> list[Path]:
    """Files of contexts in a folder; whatever else lies there is let lie."""
    return sorted(each for each in folder.glob(f"ctx_*{suffix}") if _ID.match(each.stem))


def spelled(past: Past) -> bytes:
    """A context as its file has it."""
    return json.dumps(past.to_dict()).encode()


def write(folder: Path, past: Past) -> None:
    """Writes what tells of a context, whole or not at all. Raises OSError."""
    with replacing(about(folder, past.id), private=True) as file:
        file.write(spelled(past))


def read(place: Path) -> Past | None:
    """What a file tells, None where that is no context of its name."""
    try:
        past = Past.from_dict(json.loads(place.read_bytes()))
        return past if place == about(place.parent, past.id) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def owned(pasts: Mapping[str, Past], owner: str, name: str) -> Past:
    """A context of an owner. Raises Refused where there is none of that name, or it is another's, in the same words."""
    past = pasts.get(name)
    if past is None or past.owner != owner:
        raise Refused(
            f"no context {name[:80]!r}; list yours with GET /v1/contexts",
            kind="missing",
            code="context_not_found",
            param="longspan.context",
        )
    return past

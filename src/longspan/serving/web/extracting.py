"""Reads a file of a client in a process of its own, within bounds of time and memory, which can be killed.

It is told its bounds and the end of the file's name, and the file is its standard input. Standard output is JSON: what
is in the file, or what is wrong with it.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from io import BytesIO
from typing import Any

from longspan.errors import LongspanError

ENTRIES = 4096
"""Files in a package."""
UNPACKED = 256 * 2**20
"""Bytes of them all."""
RATIO = 100
"""Times that a package may grow, beyond `_ANYWAY` bytes."""
_ANYWAY = 16 * 2**20
LONGEST = 20_000_000
"""Characters of a text."""
_WRITTEN = 2**28
_CALLED = "the file"


def main() -> None:
    """For one file."""
    said = json.loads(sys.argv[1])
    _bound(said["seconds"], said["memory"])
    with os.fdopen(os.dup(1), "wb") as told:
        os.dup2(2, 1)  # whatever a library prints is not what is told
        told.write(json.dumps(_told(sys.stdin.buffer.read(), said["suffix"])).encode())


def _told(data: bytes, suffix: str) -> dict[str, Any]:
    from longspan.spans.formats.opening import extract_bytes

    try:
        refuse_bombs(data)
        found = extract_bytes(data, suffix, _CALLED)
    except (LongspanError, ValueError) as error:
        return {"error": str(error)}
    except (MemoryError, RecursionError):
        return {"error": f"{_CALLED} takes too much memory to read; send its text"}
    except Exception as error:
        return {"error": f"{_CALLED} cannot be read ({type(error).__name__}); send its text"}
    if len(found.text) > LONGEST:
        return {
            "error": f"{_CALLED} has {len(found.text):,} characters, allowed are {LONGEST:,}; send it in parts"
        }
    return {"text": found.text, "places": found.places.to_dict(), "notes": list(found.notes)}


def refuse_bombs(data: bytes) -> None:
    """Raises ValueError for a package that unpacks to far more than it is."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            sizes = [each.file_size for each in package.infolist()]
    except (zipfile.BadZipFile, NotImplementedError):
        return  # what is no package is read as something else, or refused by its reader
    if len(sizes) > ENTRIES:
        raise ValueError(
            f"{_CALLED} holds {len(sizes):,} files, allowed are {ENTRIES:,}; send them one by one"
        )
    allowed = min(UNPACKED, max(_ANYWAY, RATIO * len(data)))
    if sum(sizes) > allowed:
        raise ValueError(
            f"{_CALLED} unpacks to {sum(sizes):,} bytes, allowed are {allowed:,}; send its text instead"
        )


def _bound(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # systems without it have the limit of the process that waits
        return
    for kind, bound in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _WRITTEN),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))


if __name__ == "__main__":
    main()

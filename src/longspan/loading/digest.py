"""What identifies a model's weights: every byte of them, read once."""

from __future__ import annotations

import hashlib
import json
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from longspan.atomic import write_text
from longspan.cache_folder import locked, subfolder
from longspan.errors import CorruptModel

REMEMBER_ABOVE = 64 * 2**20
"""Bytes from which a file's digest is remembered by path, size and times."""

QUIET = 2_000_000_000
"""Nanoseconds since its last change after which another change of a file would show in its times."""


def file_digest(path: Path) -> str:
    """SHA-256 of a whole file.

    Up to 64 MiB the file is read each time (in 0.1 s at most). For larger ones the digest is remembered in the cache
    and believed as long as path, size, inode and the times of change, in nanoseconds, stay the same.
    """
    identity = _Identity.of(path)
    if identity.size <= REMEMBER_ABOVE:
        return _sha256(path)
    note = subfolder("digests") / f"{hashlib.sha256(identity.path.encode()).hexdigest()[:32]}.json"
    try:
        remembered = json.loads(note.read_text(encoding="utf-8"))
        if remembered["identity"] == list(identity):
            return str(remembered["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not remembered yet, or the note is damaged: read the file
    began = time.time_ns()
    digest = _sha256(path)
    if identity == _Identity.of(path) and began - max(identity.modified, identity.changed) > QUIET:
        with suppress(OSError), locked("digests"):  # a cache that cannot be written costs another reading
            write_text(note, json.dumps({"identity": identity, "digest": digest}))
    return digest


def weights_digest(files: list[Path]) -> str:
    """SHA-256 of the names and all bytes of some safetensors files. It says nothing of the config."""
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if 8 + length > size:
            raise CorruptModel(f"{path} is not a whole safetensors file; download the model again")
        digest.update(json.dumps([path.name, file_digest(path)]).encode())
    return digest.hexdigest()


class _Identity(NamedTuple):
    """What would show a change of a file."""

    path: str
    size: int
    inode: int
    modified: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Self:
        facts = path.stat()
        return cls(str(path.resolve()), facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

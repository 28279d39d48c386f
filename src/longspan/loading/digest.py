"""What identifies a model's weights, at a price that fits into loading them."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from contextlib import suppress
from pathlib import Path

from longspan.cache_folder import locked, room
from longspan.errors import CorruptModel

REMEMBER_ABOVE = 512 * 2**20
"""Bytes from which a file's digest is remembered by path, size and time of change."""

_SAMPLES = 64
_SAMPLE_BYTES = 4096


def file_digest(path: Path) -> str:
    """SHA-256 of a whole file.

    Up to 512 MiB the file is read each time (98 MB take 0.1 s). For larger ones the digest is remembered in
    the cache and believed as long as path, size, inode and time of change in nanoseconds stay the same.
    """
    facts = path.stat()
    if facts.st_size <= REMEMBER_ABOVE:
        return _sha256(path)
    place = str(path.resolve())
    identity = [place, facts.st_size, facts.st_mtime_ns, facts.st_ino]
    note = room("digests") / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"
    try:
        remembered = json.loads(note.read_text(encoding="utf-8"))
        if remembered["identity"] == identity:
            return str(remembered["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not remembered yet, or the note is damaged: read the file
    digest = _sha256(path)
    with suppress(OSError), locked("digests"):  # a cache that cannot be written costs another reading
        partial = note.with_suffix(".partial")
        partial.write_text(json.dumps({"identity": identity, "digest": digest}), encoding="utf-8")
        os.replace(partial, note)
    return digest


def weights_digest(files: list[Path]) -> str:
    """SHA-256 that stands for the weights in some safetensors files without reading all of them.

    It covers each file's name and size, its header (names, types, shapes and places of all tensors) and 64
    samples of 4 KiB spread evenly over the values. Other trainings of one architecture differ nearly
    everywhere and so get other digests; a change that misses all samples is not noticed. It says nothing of
    the config.
    """
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
            if 8 + length > size:
                raise CorruptModel(f"{path} is not a whole safetensors file; download the model again")
            digest.update(json.dumps([path.name, size]).encode())
            digest.update(prefix + file.read(length))
            values = size - 8 - length
            for sample in range(_SAMPLES):
                file.seek(8 + length + sample * values // _SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

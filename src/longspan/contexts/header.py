"""The beginning of a context's file: what is inside, the manifest, and a checksum of the whole file.

The file is a safetensors file. Its metadata comes first and the checksum first in it, always at the same place; the
checksum is the SHA-256 of all bytes of the file, where its own place is filled with zeros.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from longspan.errors import ContextError

FORMAT = 3
"""Raised whenever a file of before cannot be read as it should any more."""

_START = b'{"__metadata__":{"checksum":"'
_EMPTY = b"0" * 64
CHECKSUM_AT = 8 + len(_START)
_ALIGNED = 64
_LONGEST = 100_000_000  # safetensors' own limit
_BLOCK = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor in the file; dtype as safetensors calls it."""

    name: str
    dtype: str
    shape: Sequence[int]
    nbytes: int


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the beginning of a file says."""

    manifest: dict[str, Any]
    checksum: str


def compose(parts: Sequence[Part], manifest: Mapping[str, Any]) -> bytes:
    """The bytes before the tensors, which follow in the order of `parts`; the checksum is still empty."""
    metadata = {
        "checksum": _EMPTY.decode(),
        "format": "longspan context",
        "version": str(FORMAT),
        "manifest": json.dumps(manifest),
    }
    table: dict[str, Any] = {"__metadata__": metadata}
    start = 0
    for part in parts:
        stop = start + part.nbytes
        table[part.name] = {"dtype": part.dtype, "shape": list(part.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNED)
    if len(text) > _LONGEST:
        raise ContextError(
            f"the context's manifest takes {len(text):,} bytes > {_LONGEST:,}; save a context of fewer spans"
        )
    return struct.pack("<Q", len(text)) + text


def read_header(path: Path) -> Header:
    """The manifest of a saved context, after a look at the file's size, but not at its tensors.

    Raises ContextError for a file that is missing, cut off, of another format, or no saved context.
    """
    with opened(path) as file:
        return _header(file, path)


def verified(file: BinaryIO, path: Path) -> Header:
    """The manifest, after every byte of the file has been compared with the checksum."""
    header = _header(file, path)
    digest = hashlib.sha256()
    file.seek(0)
    digest.update(file.read(CHECKSUM_AT) + _EMPTY)
    file.seek(CHECKSUM_AT + len(_EMPTY))
    while block := file.read(_BLOCK):
        digest.update(block)
    if digest.hexdigest() != header.checksum:
        raise damaged(path, "its bytes are not those that were saved")
    return header


def opened(path: Path) -> BinaryIO:
    """The file, to be read."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ContextError(f"no saved context {path}; make it with session.save(path)") from None
    except OSError as error:
        raise ContextError(
            f"{path} cannot be read ({error.strerror}); give the path of a saved context"
        ) from None


def damaged(path: Path, reason: str) -> ContextError:
    """The error for a context that cannot be believed any more."""
    return ContextError(f"saved context {path} is damaged: {reason}; remove it and read the text again")


def _header(file: BinaryIO, path: Path) -> Header:
    size = file.seek(0, 2)
    file.seek(0)
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    if not 0 < length <= _LONGEST:
        raise _foreign(path)
    text = file.read(length)
    if not text.startswith(_START[: len(text)]):
        raise _foreign(path)
    if len(text) < length:
        raise damaged(path, f"it ends after {size:,} bytes, within its header")
    try:
        table = json.loads(text)
        metadata = table.pop("__metadata__")
        if metadata["format"] != "longspan context":
            raise _foreign(path)
        if metadata["version"] != str(FORMAT):
            raise ContextError(
                f"saved context {path} has format {metadata['version']!r}, this longspan reads {FORMAT}; "
                "read the text again"
            )
        manifest = json.loads(metadata["manifest"])
        whole = 8 + length + max((entry["data_offsets"][1] for entry in table.values()), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise damaged(path, "its header cannot be read") from None
    if not isinstance(manifest, dict):
        raise damaged(path, "its header cannot be read")
    if size != whole:
        raise damaged(path, f"it has {size:,} bytes of {whole:,}")
    return Header(
        manifest=manifest, checksum=text[len(_START) : len(_START) + len(_EMPTY)].decode("ascii", "replace")
    )


def _foreign(path: Path) -> ContextError:
    return ContextError(f"{path} is no saved context; give the path of a file that session.save wrote")

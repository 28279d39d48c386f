"""C++ of this package, built for this processor when it is first needed and kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

from longspan.atomic import replacing
from longspan.cache_folder import cache_folder, locked
from longspan.errors import LongspanError

_COMPILERS = ("c++", "g++", "clang++")
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-pthread")
# What may be tried for so long, in seconds; it takes about three.
_PATIENCE = 120


# What a source needs of the compiler besides, in a line of its own.
_NEEDS = re.compile(r"^// flags: (.+)$", re.MULTILINE)
_INCLUDED = re.compile(r'^#include "([\w.]+)"', re.MULTILINE)
_BEGUN: dict[str, threading.Thread | None] = {}
"""What builds a source, None where nothing does any more: in a process each is built once."""


def ahead(*sources: str) -> None:
    """Begins to build files of this room, beside whatever is done meanwhile; what is there already costs nothing.

    A source that is needed before it is built is waited for.
    """
    for source in sources:
        if source not in _BEGUN:
            _BEGUN[source] = thread = threading.Thread(target=_file, args=(source,), daemon=True)
            thread.start()


@cache
def library(source: str) -> ctypes.CDLL | None:
    """The compiled functions of a file of this room, or None where there is no compiler, where it fails, or where
    nothing can be kept."""
    thread = _BEGUN.get(source)
    if thread is not None:
        thread.join()
    _BEGUN[source] = None
    path = _file(source)
    try:
        return None if path is None else ctypes.CDLL(str(path))
    except OSError:
        return None


def _file(source: str) -> Path | None:
    """The library, built now unless it is there."""
    found = [path for name in _COMPILERS if (path := shutil.which(name))][:1]
    compiler = shlex.split(os.environ.get("CXX", "")) or found
    if not compiler:
        return None
    texts = _texts(source)
    flags = [flag for needs in _NEEDS.findall(texts[source].decode()) for flag in needs.split()]
    command = [*compiler, *_FLAGS, *dict.fromkeys(flags)]
    try:
        key = hashlib.sha256(b"\0".join((*texts.values(), _known(command), *map(str.encode, command))))
        target = cache_folder() / "compiled" / f"{Path(source).stem}-{key.hexdigest()[:32]}.so"
        if not target.exists():
            with locked(target.stem):  # what another process is building is waited for
                if not target.exists():
                    _build(command, texts, target)
    except (OSError, LongspanError, subprocess.SubprocessError):
        return None
    return target


def _texts(source: str) -> dict[str, bytes]:
    """A file of this room, and what it includes of this room."""
    texts: dict[str, bytes] = {}
    waiting = [source]
    while waiting:
        name = waiting.pop()
        texts[name] = files("longspan.kernels").joinpath(name).read_bytes()
        waiting += [each for each in _INCLUDED.findall(texts[name].decode()) if each not in texts]
    return texts


def _known(command: list[str]) -> bytes:
    """A digest of all that the compiler knows of itself and of this processor.

    It is asked once, and again when one of its files or the processor is another.
    """
    try:
        processor = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
        facts = [
            line for line in processor.splitlines() if line.startswith(("flags", "Features", "model", "CPU"))
        ]
        programs = [
            Path(found) for word in command if not word.startswith("-") and (found := shutil.which(word))
        ]
        stats = [path.stat() for path in programs]
    except OSError:
        facts, stats = [], []
    if not facts or not stats:
        return _asked(command)
    said = json.dumps([command, facts, [[each.st_size, each.st_mtime_ns, each.st_ino] for each in stats]])
    note = cache_folder() / "compilers" / hashlib.sha256(said.encode()).hexdigest()[:32]
    try:
        return note.read_bytes()
    except OSError:
        digest = _asked(command)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        with replacing(note) as file:
            file.write(digest)
    return digest


def _asked(command: list[str]) -> bytes:
    said = _said(*command, "-dM", "-E", "-x", "c++", os.devnull)
    return hashlib.sha256(said).hexdigest().encode()


def _build(command: list[str], texts: dict[str, bytes], target: Path) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as folder:
        for name, text in texts.items():
            Path(folder, name).write_bytes(text)
        built = Path(folder, target.name)
        _said(*command, "-o", str(built), str(Path(folder, next(iter(texts)))))
        with replacing(target) as file:
            file.write(built.read_bytes())


def _said(*command: str) -> bytes:
    done = subprocess.run(  # noqa: S603 - the user's compiler, on our own source
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_PATIENCE
    )
    return done.stdout

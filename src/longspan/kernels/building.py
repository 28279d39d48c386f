"""C++ of this package, built for this processor when it is first needed and kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

from longspan.atomic import replacing
from longspan.cache_folder import cache_folder

_COMPILERS = ("c++", "g++", "clang++")
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-pthread")
# What may be tried for so long, in seconds; it takes about three.
_PATIENCE = 120


@cache
def library(*sources: str, flags: tuple[str, ...] = ()) -> ctypes.CDLL | None:
    """The compiled functions, or None where there is no compiler, where it fails, or where nothing can be kept.

    sources: a file of this room, and the headers that it includes. flags: of the compiler, besides the usual.
    """
    found = [path for name in _COMPILERS if (path := shutil.which(name))][:1]
    compiler = shlex.split(os.environ.get("CXX", "")) or found
    if not compiler:
        return None
    command = [*compiler, *_FLAGS, *flags]
    texts = {name: files("longspan.kernels").joinpath(name).read_bytes() for name in sources}
    try:
        # All that the compiler knows of itself and of this processor.
        known = _said(*command, "-dM", "-E", "-x", "c++", os.devnull)
        key = hashlib.sha256(b"\0".join((*texts.values(), known, *map(str.encode, command))))
        target = cache_folder() / "compiled" / f"{Path(sources[0]).stem}-{key.hexdigest()[:32]}.so"
        if not target.exists():
            _build(command, texts, target)
        return ctypes.CDLL(str(target))
    except (OSError, subprocess.SubprocessError):
        return None


def _build(command: list[str], texts: dict[str, bytes], target: Path) -> None:
    """Whole or not at all; processes that build at the same time build the same."""
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

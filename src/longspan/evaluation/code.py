"""What a module of the evaluation rests on: its code, the code of what it imports, and the word lists."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOM = "longspan.evaluation"
_FOLDER = Path(__file__).parent


@cache
def digest(module: str) -> str:
    """Changes with the code of a loaded module and of each module of longspan.evaluation that it leads to."""
    first = Path(inspect.getfile(sys.modules[module]))
    reached, waiting = {first}, [first]
    while waiting:
        further = set(_imported(waiting.pop())) - reached
        reached |= further
        waiting += further
    files = (*sorted(reached), *sorted((_FOLDER / "wordlists").iterdir()))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _imported(path: Path) -> Iterator[Path]:
    """The files of the modules of longspan.evaluation that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names=names):
                found = [each.name for each in names]
            case ast.ImportFrom(module=str(package), names=names, level=0):
                found = [package, *(f"{package}.{each.name}" for each in names)]
            case _:
                continue
        for name in found:
            yield from _file(name)


def _file(name: str) -> Iterator[Path]:
    """That of a module, none where the name is that of something else."""
    if f"{name}.".startswith(f"{_ROOM}."):
        place = _FOLDER.joinpath(*name.split(".")[2:])
        yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())

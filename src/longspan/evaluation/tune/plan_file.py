"""A plan as a TOML file that every command takes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from longspan import parts
from longspan.atomic import write_text
from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.spans import printable

SUFFIX = ".toml"


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path, if a plan can be written there and read again. Raises PlanError."""
    file = Path(path)
    if file.suffix != SUFFIX:
        raise PlanError(f"{file} does not end with {SUFFIX}, by which a plan's file is known; add it")
    if not file.parent.is_dir() or file.is_dir():
        raise PlanError(f"{file} cannot be written; name a file in a folder that exists")
    return file


def write_plan(path: str | os.PathLike[str], plan: Plan, notes: Sequence[str] = ()) -> None:
    """Writes a plan so that `Plan.load` gives it back, after the notes as comments; a file of this name is replaced.

    Raises PlanError where it cannot be written.
    """
    file = check_path(path)
    lines = [f"# {printable(note, lines=False)}" for note in notes]
    lines += [
        f"{slot} = {json.dumps(parts.text_of(slot, part), ensure_ascii=False)}"
        for slot, part in plan.parts.items()
    ]
    try:
        write_text(file, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise PlanError(f"{file} cannot be written ({error.strerror}); name another file") from error

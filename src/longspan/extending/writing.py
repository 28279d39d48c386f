"""The files of a search."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longspan.atomic import write_text
from longspan.errors import PlanError


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path, if a file can be written there. Raises PlanError."""
    file = Path(path)
    if not file.parent.is_dir() or file.is_dir():
        raise PlanError(f"{file} cannot be written; name a file in a folder that exists")
    return file


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Puts a JSON file in the place of what was there. Raises PlanError where it cannot be written."""
    try:
        write_text(path, json.dumps(content, allow_nan=False) + "\n")
    except OSError as error:
        raise PlanError(
            f"{path} cannot be written ({error.strerror}); free some space or name another file"
        ) from error

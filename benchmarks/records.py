"""What the measurements of this folder write down: where they ran, and rows that are kept one by one."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch
import transformers

import longspan


def environment() -> dict[str, Any]:
    """Versions and machine."""
    return {
        "versions": {
            "longspan": longspan.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "machine": {
            "threads": torch.get_num_threads(),
            "cpu": torch.backends.cpu.get_cpu_capability(),
            "amx": torch.cpu._is_amx_tile_supported(),
            "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        },
    }


def head(model: longspan.Model) -> dict[str, Any]:
    """What a record of a measurement begins with: the model, versions and machine."""
    return {"model": model.name, "digest": model.digest, "dtype": model.checked.dtype} | environment()


class Records:
    """Rows in a JSON file, each known by some of its fields."""

    def __init__(self, path: Path, *, head: dict[str, Any], key: tuple[str, ...]) -> None:
        self._path, self._key = path, key
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            held = json.loads(path.read_text())
            if held["digest"] != head["digest"]:
                raise SystemExit(f"{path} holds rows of another model; give another --out")
            self.rows = held["rows"]
        self._head = head

    def has(self, **fields: Any) -> bool:
        """Whether there is a row of these key fields."""
        return any(all(row[name] == fields[name] for name in self._key) for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Keeps a row, at once."""
        self.rows.append(row)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._head | {"rows": self.rows}, indent=1) + "\n")
        os.replace(partial, self._path)

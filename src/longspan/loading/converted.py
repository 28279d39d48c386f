"""GGUF files as transformers folders in the cache: converted once for each number format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from longspan.cache_folder import cache_folder, locked, require_space, subfolder, whole_folder
from longspan.progress import Watcher

if TYPE_CHECKING:
    import torch

MANIFEST = "longspan.json"
LAYOUT = 3
"""Raised when conversion changes, so that folders of older versions are not used any more."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A converted model in the cache."""

    folder: Path
    name: str
    """Of the model it was converted from."""
    digest: str
    """SHA-256 of the GGUF file."""
    source: str


def converted_folder(
    gguf: Path, *, name: str, digest: str, source: str, dtype: torch.dtype, progress: Watcher | None
) -> Path:
    """The GGUF file as a transformers folder in `dtype`, converted now if that has not been done yet.

    Raises what reading and converting raise (see `convert`), and `LongspanError` when the disk is too full.
    """
    target = subfolder("converted") / f"{digest[:32]}-{str(dtype).removeprefix('torch.')}-{LAYOUT}"
    if is_whole(target):
        return target
    with locked(target.name):
        if is_whole(target):
            return target
        from longspan.loading.convert import convert, converted_bytes
        from longspan.loading.gguf_header import read_header
        from longspan.loading.quiet import quiet

        header = read_header(gguf)
        require_space(converted_bytes(header, dtype), f"converting {gguf.name}")
        with whole_folder(target) as folder:
            with quiet():
                convert(header, folder, dtype, progress)
            manifest = {"name": name, "digest": digest, "source": source, "sizes": sizes_in(folder)}
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return target


def all_converted() -> list[Converted]:
    """Every converted model in the cache, also those of other layouts.

    One without a readable manifest bears its folder's name.
    """
    found = []
    for folder in sorted((cache_folder() / "converted").glob("[!.]*")):
        manifest = _manifest(folder)
        found.append(
            Converted(
                folder=folder,
                name=str(manifest.get("name", folder.name)),
                digest=str(manifest.get("digest", "")),
                source=str(manifest.get("source", "unknown")),
            )
        )
    return found


def _manifest(folder: Path) -> dict[str, object]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def sizes_in(folder: Path) -> dict[str, int]:
    """Bytes of each file, as a manifest has them."""
    return {file.name: file.stat().st_size for file in folder.iterdir()}


def is_whole(folder: Path) -> bool:
    """Whether the folder has a manifest, and all files that it names."""
    sizes = _manifest(folder).get("sizes")
    if not isinstance(sizes, dict):
        return False
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items()
    )

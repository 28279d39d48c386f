"""Samples that were made once are kept in the cache folder, since making long ones takes a while."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from longspan import __version__
from longspan.atomic import replacing
from longspan.cache_folder import locked, subfolder
from longspan.evaluation.code import digest
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, taken


def prepared(task: Task, request: Request, count: int | None, tokenizer: str) -> Iterator[Sample]:
    """What `taken` gives, generated samples from the cache where they are there already.

    tokenizer identifies how tokens were counted. Data sets are read anew, they are on disk or in the hub's own cache.
    """
    if not task.sized or count is None:
        yield from taken(task, request, count)
        return
    key = _key(task, request, tokenizer)
    with locked(f"samples-{key}"):
        path = subfolder("samples") / f"{key}.jsonl"
        kept = _kept(path)
        if len(kept) < count:
            with path.open("a", encoding="utf-8", newline="\n") as file:
                for sample in islice(taken(task, request, count), len(kept), None):
                    kept.append(sample)
                    file.write(json.dumps(sample.to_dict(), ensure_ascii=False) + "\n")
                    file.flush()
    yield from kept[:count]


def _key(task: Task, request: Request, tokenizer: str) -> str:
    """Everything that a sample depends on, the code that makes it and the files that it may read included."""
    facts = (
        __version__,
        digest(type(task).__module__),
        task,
        request.length,
        request.seed,
        request.overhead,
        request.haystack.digest,
        _files(request.data),
        tokenizer,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _files(data: Path | None) -> list[tuple[str, int, int]]:
    """Names, sizes and times of change of all files in a folder of data sets."""
    if data is None:
        return []
    found = ((path, path.stat()) for path in data.rglob("*") if path.is_file())
    return sorted((str(path.relative_to(data)), state.st_size, state.st_mtime_ns) for path, state in found)


def _kept(path: Path) -> list[Sample]:
    """The samples in a file; a last line that was cut off is removed."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with replacing(path) as file:
            file.write(whole)
    return [Sample.of(json.loads(line)) for line in whole.decode("utf-8").split("\n") if line]

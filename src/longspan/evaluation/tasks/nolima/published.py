"""NoLiMa's own needles and questions, from the folder of local data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from longspan.evaluation.source import read_rows
from longspan.evaluation.task import TaskError

NAMES = ("nolima/needlesets/needle_set.json", "nolima/needle_set.json", "NoLiMa/needlesets/needle_set.json")
"""Where the file may lie, as amodaresi/NoLiMa on the hub has it; the first that exists is taken."""


@dataclass(frozen=True, kw_only=True)
class Needle:
    """A sentence with {CHAR} in the place of a character, what is asked, and names that the character may have."""

    needle: str
    question: str
    names: tuple[str, ...]


def needle_set(data: Path | None) -> Path | None:
    """The file in the folder of local data, None if it has none."""
    found = (data / name for name in NAMES) if data is not None else ()
    return next((path for path in found if path.is_file()), None)


@lru_cache(maxsize=2)
def needles(path: Path, hops: Literal[1, 2]) -> tuple[Needle, ...]:
    """The needles with a question of so many hops, one for each test. Raises TaskError where the file is malformed."""
    kind = ("onehop", "twohop")[hops - 1]
    try:
        found = tuple(each for row in read_rows(path) for each in _of(row, kind))
    except (LookupError, TypeError, AttributeError) as error:
        raise TaskError(f"{path} is not laid out as published ({error!r}); fetch it anew") from error
    if not found:
        raise TaskError(f"{path} has no question of kind {kind}; take the published needle_set.json")
    return found


def _of(row: Mapping[str, Any], kind: str) -> Iterator[Needle]:
    if kind not in row["questions"]:
        return
    for test in row["tests"].values():
        needle, question = row["needle"], row["questions"][kind]
        for number, argument in enumerate(test["input_args"], 1):
            needle, question = (text.replace(f"{{{number}}}", argument) for text in (needle, question))
        yield Needle(needle=needle, question=question, names=tuple(row["character_set"]))

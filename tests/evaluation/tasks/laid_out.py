"""Local copies of data sets in their published layout, and requests for their samples."""

import json
from pathlib import Path
from typing import Any

from longspan.evaluation import Haystack, Request, Sample, Task, find
from wordcount import words


def asking(data: Path | None, length: int | None = None, seed: int = 0) -> Request:
    """A request for samples of the data in a folder."""
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One sentence. Another one."),
        data=data,
    )


def put(data: Path, name: str, content: Any) -> None:
    """Writes a file of the folder: rows as lines where it ends in .jsonl, a text as it is, else JSON."""
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def the(name: str) -> Task:
    """The task of this name."""
    (task,) = find([name])
    return task


def samples(name: str, data: Path) -> list[Sample]:
    """All samples of a task on the data in a folder."""
    return list(the(name).samples(asking(data)))

"""The samples of a run, kept in its folder: prompts can be shown, answers scored anew, and other samples be noticed."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from longspan.atomic import replacing
from longspan.evaluation.prompt import Turn
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import TaskError

Place: TypeAlias = tuple[str, int | None, str]
"""Task, length and id of a sample."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A sample as it was asked: with the solved examples before it."""

    sample: Sample
    turns: tuple[Turn, ...] = ()


def sample_digest(sample: Sample, turns: tuple[Turn, ...] = ()) -> str:
    """Changes with everything that is asked and that counts as right."""
    values = [sample.to_dict(), [list(turn) for turn in turns]]
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]


class Samples:
    """`samples.jsonl` has a line for each sample, and `texts/` the contexts and examples, each once and compressed."""

    def __init__(self, folder: Path) -> None:
        self._file, self._texts = folder / "samples.jsonl", folder / "texts"

    def digests(self) -> dict[Place, str]:
        """The digest of each sample."""
        return {(line["task"], line["length"], line["sample"]): line["digest"] for line in self._lines()}

    def asked(self) -> dict[Place, str]:
        """What identifies each sample, without the examples before it."""
        return {
            (line["task"], line["length"], line["sample"]): json.dumps(
                [line["context"], line["asked"]], sort_keys=True
            )
            for line in self._lines()
        }

    def all(self) -> Iterator[tuple[Place, Kept]]:
        """Every sample with its place. Raises TaskError for a text that is gone or damaged."""
        for line in self._lines():
            turns = json.loads(self._text(line["turns"])) if line["turns"] else []
            sample = Sample.of(
                {**line["asked"], "id": line["sample"], "context": self._text(line["context"])}
            )
            kept = Kept(sample=sample, turns=tuple((user, said) for user, said in turns))
            yield (line["task"], line["length"], line["sample"]), kept

    def add(self, task: str, length: int | None, kept: Kept) -> None:
        """Keeps a sample; its text is there before the line that names it."""
        turns = json.dumps(kept.turns, ensure_ascii=False) if kept.turns else ""
        asked = kept.sample.to_dict()
        line = {
            "task": task,
            "length": length,
            "sample": asked.pop("id"),
            "digest": sample_digest(kept.sample, kept.turns),
            "context": self._keep(asked.pop("context")),
            "turns": self._keep(turns) if turns else "",
            "asked": asked,
        }
        with self._file.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._file.exists():
            return
        for number, line in enumerate(self._file.read_bytes().split(b"\n")[:-1], 1):
            try:
                value = json.loads(line)
                if not {"task", "length", "sample", "digest", "context", "turns", "asked"} <= value.keys():
                    raise ValueError("a name is missing")
            except (ValueError, AttributeError) as error:
                raise TaskError(
                    f"{self._file} line {number} is not a sample ({error}); start the run again in another folder"
                ) from error
            yield value

    def _keep(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        name = hashlib.sha256(data).hexdigest()[:32]
        path = self._texts / f"{name}.gz"
        if not path.exists():
            self._texts.mkdir(exist_ok=True)
            with replacing(path) as file:
                file.write(gzip.compress(data, 1, mtime=0))
        return name

    def _text(self, name: str) -> str:
        path = self._texts / f"{name}.gz"
        try:
            text = gzip.decompress(path.read_bytes()).decode("utf-8", "surrogatepass")
        except (OSError, EOFError, ValueError) as error:
            raise TaskError(
                f"{path} cannot be read ({error}); start the run again in another folder"
            ) from error
        return text

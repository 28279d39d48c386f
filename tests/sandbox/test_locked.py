"""The walls of the locked process, and what a program can say over its channel."""

import json
import os
import struct
import time
from pathlib import Path

import pytest

from longspan.errors import SandboxError
from longspan.sandbox import Function, Limits
from longspan.sandbox.inside.lockdown import _SYSTEM_CALLS
from longspan.sandbox.locked import LockedSandbox

MACHINE = os.uname().machine if hasattr(os, "uname") else ""


@pytest.fixture(scope="module")
def sandbox():
    ask = Function(call=lambda text: text.upper(), takes={"text": "text"}, needs=1)
    try:
        with LockedSandbox(
            {"ALLOWED": list(_SYSTEM_CALLS[MACHINE].values())}, {"ask": ask}, Limits(memory=64 << 20)
        ) as opened:
            yield opened
    except SandboxError as error:
        pytest.skip(str(error))


def test_the_walls_are_named(sandbox):
    assert {"Landlock", "seccomp", "no new privileges", "no capabilities", "resource limits"} <= {
        *sandbox.walls
    }


FOUND = """
def under(cls):
    for each in type.__subclasses__(cls):
        yield each
        yield from under(each)
found = {each.__name__: each for each in under(object) if each.__module__ == "_ctypes"}
class Number(found["_SimpleCData"]):
    _type_ = "l"
class Raw(found["CFuncPtr"]):
    _flags_, _restype_ = 1, Number
class Everywhere:
    _handle = 0
def call(name, *given):
    result = Raw((name, Everywhere))(*map(Number, given))
    return result.value if isinstance(result, Number) else result
errno = Number.from_address(call("__errno_location"))
"""
"""Any function of the C library, by what is left of ctypes among all classes."""


def test_the_kernel_refuses_every_other_call(sandbox):
    """ctypes is out of sight, not out of reach: raw calls meet the kernel, which is the wall.

    335 and 336, with which the kernel's own probes return, end the process wherever they come from.
    """
    code = (
        FOUND
        + """
let_through = []
for number in [*range(0, 480), 0x40000000, 0x40000001, 0x40000039]:
    if number not in [*ALLOWED, 335, 336]:
        errno.value = 0
        if call("syscall", number, 0, 0, 0, 0, 0, 0) != -1 or errno.value & 0xFFFFFFFF != 1:
            let_through.append(number)
let_through
"""
    )
    result = sandbox.run(code)
    assert result.value == [], result


@pytest.mark.parametrize(
    "name", ["io_uring_setup", "clone", "ptrace", "bpf", "openat", "socket", "prctl", "execve"]
)
def test_no_dangerous_call_is_allowed(name):
    assert all(name not in calls for calls in _SYSTEM_CALLS.values())


def test_no_memory_can_be_executed(sandbox):
    code = (
        FOUND
        + """
plain = call("mmap", 0, 4096, 3, 0x22, -1, 0)
[plain > 0, call("mmap", 0, 4096, 7, 0x22, -1, 0), call("mprotect", plain, 4096, 5) & 0xFFFFFFFF]
"""
    )
    assert sandbox.run(code).value == [True, -1, 0xFFFFFFFF]


def test_a_null_pointer_ends_the_process_alone(sandbox):
    result = sandbox.run(FOUND + "Number.from_address(0).value")
    assert (result.why, result.lost) == ("died", True)
    assert "signal 11" in result.err
    assert sandbox.run("ask('on')").value == "ON"


OPEN = """
import os
found = []
for number in range(64):
    try:
        os.lseek(number, 0, 1)
        found.append(number)
    except OSError as error:
        assert error.errno in (9, 29)
        found += [number] * (error.errno == 29)
len(found)
"""


def test_only_the_channel_and_nothing_else_is_inherited(sandbox):
    with open(__file__) as file:
        os.set_inheritable(file.fileno(), True)
        with LockedSandbox(limits=Limits(memory=64 << 20)) as fresh:
            seen = fresh.run(OPEN)
            limits = Path(f"/proc/{fresh._process.pid}/limits").read_text()
            status = Path(f"/proc/{fresh._process.pid}/status").read_text()
    assert seen.value == 5, "three empty streams and two pipes"
    for name, most in (
        ("Max file size", 0),
        ("Max processes", 0),
        ("Max open files", 16),
        ("Max core file size", 0),
    ):
        (line,) = [each for each in limits.splitlines() if each.startswith(name)]
        assert line.split()[len(name.split()) : len(name.split()) + 2] == [str(most)] * 2
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status
    assert "Threads:\t1\n" in status


def forged(body, length=None):
    """A program that writes a frame of its own to every descriptor."""
    data = struct.pack(">Q", len(body) if length is None else length) + body
    return f"import os\nfor n in range(3, 64):\n    try: os.write(n, {data!r})\n    except OSError: pass"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b'{"call": 3, "args": [], "kwargs": {}}',
        b'{"call": "ask", "args": {}, "kwargs": {}}',
        b'{"call": "ask"}',
        b'{"done": 3}',
        b'{"done": {"length": 1e9, "tail": "", "err": ""}}',
        b'{"done": {"length": true, "tail": "", "err": ""}}',
        b'{"done": {"length": 0, "tail": null, "err": ""}}',
        b'{"out": 3}',
        b'{"out": NaN}',
        b"[" * 200_000,
        b'{"done": ' + b"[" * 200_000,
        b'{"a": ' + b"9" * 100_000 + b"}",
    ],
)
def test_a_frame_that_is_none_ends_the_process(body, sandbox):
    result = sandbox.run(forged(body))
    assert (result.why, result.lost) == ("died", True)
    assert sandbox.run("ask('on')").value == "ON"


def test_a_frame_without_end_is_bounded(sandbox):
    assert sandbox.run(forged(b"", 1 << 62)).why == "died"
    short = LockedSandbox(limits=Limits(seconds=0.2, memory=64 << 20))
    with short:
        assert short.run(forged(b"{", 100) + "\nwhile True: pass").why == "time"


def test_a_forged_frame_says_no_more_than_a_program_may(sandbox):
    """A forged result is the program's own word; a forged call is checked as any."""
    body = json.dumps({"done": {"length": 0, "tail": "mine", "err": "", "value": ["x"]}}).encode()
    forged_result = sandbox.run(forged(body) + "\nx = 1")
    assert (forged_result.why, forged_result.out, forged_result.value) == ("done", "mine", ["x"])
    time.sleep(0.1)
    after = sandbox.run("x")
    assert (after.why, after.err) == ("died", "its process sent a frame between two runs")
    body = json.dumps({"call": "__import__", "args": ["os"], "kwargs": {}}).encode()
    assert sandbox.run(forged(body)).why == "done"
    # Its process reads the answer as a program and ends, sooner or later than it is asked again.
    later = [sandbox.run("ask('on')") for _ in range(4)]
    assert "died" in {each.why for each in later}
    assert later[-1].value == "ON"


def test_a_wall_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("longspan.sandbox.locked._BOOT", "import sys\nsys.exit(3)")
    with pytest.raises(SandboxError, match="does not start"):
        LockedSandbox()
    monkeypatch.undo()
    refusing = """
import sys
def load(path):
    space = {"__name__": path}
    exec(compile(open(path).read(), path, "exec"), space)
    return space
walls = load(sys.argv[1])
walls["_landlock"] = lambda libc: -1
load(sys.argv[2])["serve"](walls["lock"], int(sys.argv[3]), int(sys.argv[4]))
"""
    monkeypatch.setattr("longspan.sandbox.locked._BOOT", refusing)
    with pytest.raises(SandboxError, match="cannot be locked: the kernel refuses Landlock"):
        LockedSandbox()

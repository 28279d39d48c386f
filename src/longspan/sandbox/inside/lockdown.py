"""The walls around a process, put up from within, in their order and for good: Linux only."""

import ctypes
import os
import platform
import resource
import signal
import struct

_SYSTEM_CALLS = {
    "x86_64": {
        "read": 0,
        "write": 1,
        "close": 3,
        "poll": 7,
        "lseek": 8,
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "sched_yield": 24,
        "mremap": 25,
        "madvise": 28,
        "nanosleep": 35,
        "getpid": 39,
        "exit": 60,
        "gettimeofday": 96,
        "gettid": 186,
        "futex": 202,
        "restart_syscall": 219,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "exit_group": 231,
        "getrandom": 318,
        "membarrier": 324,
        "rseq": 334,
    },
    "aarch64": {
        "read": 63,
        "write": 64,
        "close": 57,
        "ppoll": 73,
        "lseek": 62,
        "mmap": 222,
        "mprotect": 226,
        "munmap": 215,
        "brk": 214,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "sched_yield": 124,
        "mremap": 216,
        "madvise": 233,
        "nanosleep": 101,
        "getpid": 172,
        "exit": 93,
        "gettimeofday": 169,
        "gettid": 178,
        "futex": 98,
        "restart_syscall": 128,
        "clock_gettime": 113,
        "clock_getres": 114,
        "clock_nanosleep": 115,
        "exit_group": 94,
        "getrandom": 278,
        "membarrier": 283,
        "rseq": 293,
    },
}
"""All that the process may still ask of the kernel, by machine; every other call is refused with EPERM."""

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OTHER_ABI = 0x40000000
_PROT_EXEC = 4
_LOAD, _EQUAL, _AT_OR_ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000
_NAMESPACES = 0x10000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, network, IPC, host name
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446


class Missing(Exception):
    """A wall that cannot be put up here."""


def lock(memory: int, seconds: int) -> list[str]:
    """Puts up all walls, and says which. memory: bytes that may be taken more. seconds: of computing, in all.

    Raises Missing where one that is needed is refused. What is to be imported has to be, before.
    """
    machine = platform.machine()
    if machine not in _SYSTEM_CALLS:
        raise Missing(f"its list of system calls is not known for {machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    walls = []

    def needed(wall: str, result: int) -> int:
        if result < 0:
            raise Missing(f"the kernel refuses {wall} ({os.strerror(ctypes.get_errno())})")
        walls.append(wall)
        return result

    needed("to end with its parent", libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if libc.unshare(_NAMESPACES) == 0:
        walls.append("namespaces")
    _limit(memory, seconds)
    walls.append("resource limits")
    needed("secrecy", libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
    needed("no new privileges", libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    nothing = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    needed("no capabilities", libc.syscall(_CAPSET[machine], header, nothing))
    needed("Landlock", _landlock(libc))
    code = _filter(machine)
    rules = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(rules))
    needed("seccomp", libc.prctl(_PR_SET_SECCOMP, 2, ctypes.create_string_buffer(program), 0, 0))
    return walls


def _limit(memory: int, seconds: int) -> None:
    with open("/proc/self/statm") as held:
        taken = int(held.read().split()[0]) * resource.getpagesize()
    for kind, wanted in (
        (resource.RLIMIT_AS, taken + memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, limit))


def _landlock(libc: ctypes.CDLL) -> int:
    """A ruleset that handles all that this kernel's Landlock knows, and allows none of it anywhere."""
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return -1
    files = (1 << (13 + sum(version >= since for since in (2, 3, 5)))) - 1
    fields = [files, 3 if version >= 4 else 0, 3 if version >= 6 else 0]
    size = 8 * (1 + (version >= 4) + (version >= 6))
    ruleset = libc.syscall(_LANDLOCK_CREATE, struct.pack("QQQ", *fields), size, 0)
    if ruleset < 0:
        return -1
    done: int = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)
    return done


def _filter(machine: str) -> bytes:
    """The seccomp program: this machine's calls of the list, no memory that can be executed, nothing else."""
    calls = _SYSTEM_CALLS[machine]
    memory = [calls["mmap"], calls["mprotect"]]
    plain = [number for number in calls.values() if number not in memory]
    lines = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _MACHINES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_OR_ABOVE, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for number in plain:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in memory:
        lines += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, 16 + 2 * 8),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    lines.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("HBBI", *line) for line in lines)

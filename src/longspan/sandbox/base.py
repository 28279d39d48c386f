"""The contract of a sandbox: programs run turn after turn, bounded, and reach the host only by named functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Literal, Self, get_args

from longspan.parameters import check_range, check_whole
from longspan.sandbox.shown import Shown
from longspan.sandbox.values import Json, NotPlain, plain, whole_text

Why = Literal["done", "raised", "time", "memory", "calls", "died"]
"""How a run ended: to its end, by an exception of the program, at a limit, or with the death of its process."""

Kind = Literal["text", "texts", "whole"]
"""What a parameter of a function takes: a text, a list of texts, a whole number."""

_FAULT = 4_000
_REFUSALS = 100


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a program may use."""

    seconds: float = 10.0
    """Seconds of a run, waiting included, but for those in which it waits for a function of the host."""

    memory: int = 256 << 20
    """Bytes beside three times those of the variables that it is given."""

    output: int = 20_000
    """Characters of its output that are shown, half from each end."""

    calls: int = 1_000
    """Calls of functions of the host in a run; further ones raise in the program, and end it when they go on."""

    argument: int = 2_000_000
    """Characters of the arguments of one call."""

    def __post_init__(self) -> None:
        check_range("seconds", self.seconds, 0.01)
        check_whole("memory", self.memory, 1 << 24)
        check_whole("output", self.output, 2)
        check_whole("calls", self.calls, 0)
        check_whole("argument", self.argument, 1)


class CallFailed(Exception):
    """What a function of the host raises where its work failed; in the program it is a RuntimeError of this text."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of the host that a program may call by its name.

    call: does the work, and gets only what `takes` allows. takes: its parameters in order, each with its kind; the
    first `needs` have to be given.
    """

    call: Callable[..., Json]
    takes: Mapping[str, Kind] = field(default_factory=dict)
    needs: int = 0

    def __post_init__(self) -> None:
        for name, kind in self.takes.items():
            if kind not in get_args(Kind):
                raise ValueError(f"{name}={kind!r} is not one of {', '.join(get_args(Kind))}")
        check_whole("needs", self.needs, 0, len(self.takes))

    def arguments(
        self, given: Sequence[object], named: Mapping[str, object], limit: int
    ) -> dict[str, object]:
        """What a program gave, by parameter; TypeError or ValueError where it is not what the function takes."""
        names = list(self.takes)
        if len(given) > len(names):
            raise TypeError(f"takes {len(names)} arguments, {len(given)} were given")
        found = dict(zip(names, given, strict=False))
        for name, value in named.items():
            if name not in self.takes or name in found:
                raise TypeError(
                    f"takes no further argument {name!r}" if name in found else "has no such argument"
                )
            found[name] = value
        missing = [name for name in names[: self.needs] if name not in found]
        if missing:
            raise TypeError(f"needs {' and '.join(missing)}")
        for name, value in found.items():
            if not _is(value, self.takes[name]):
                raise TypeError(f"{name} is no {_WORDS[self.takes[name]]}")
        given_texts = [
            each for value in found.values() for each in (value if type(value) is list else [value])
        ]
        texts = [each for each in given_texts if isinstance(each, str)]
        length = sum(map(len, texts)) + len(texts)
        if length > limit:
            raise ValueError(
                f"arguments have {length:,} characters, allowed are {limit:,}; send less at a time"
            )
        if not all(map(whole_text, texts)):
            raise ValueError("a text holds half of a character")
        return found


_WORDS: dict[Kind, str] = {"text": "text", "texts": "list of texts", "whole": "whole number"}


def _is(value: object, kind: Kind) -> bool:
    if kind == "text":
        return type(value) is str
    if kind == "whole":
        return type(value) is int and value.bit_length() < 64
    return type(value) is list and all(type(each) is str for each in value)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run left.

    out: what it printed, see `Shown`. err: why it did not get to its end, for those who mend it; empty where it did.
    why: how it ended. value: that of its last expression where that is plain JSON, else None. lost: whether its process
    had to be replaced, so that all variables of earlier runs are gone.
    """

    out: str
    err: str
    why: Why
    value: Json = None
    lost: bool = False


class Ended(Exception):
    """A run that goes no further. why, err: as in `Result`."""

    def __init__(self, why: Why, err: str) -> None:
        super().__init__(err)
        self.why, self.err = why, err


class Calls:
    """The calls of one run: each checked, counted and answered."""

    def __init__(self, functions: Mapping[str, Function], limits: Limits) -> None:
        self._functions, self._limits = functions, limits
        self._made = 0

    def answer(self, name: str, given: Sequence[object], named: Mapping[str, object]) -> Json | Exception:
        """What a call gives, or what it is to raise in the program: TypeError, ValueError, RuntimeError or NameError.

        Raises Ended for a program that goes on calling long after its calls are spent.
        """
        self._made += 1
        if self._made > self._limits.calls + _REFUSALS:
            raise Ended("calls", f"it went on calling after its {self._limits.calls:,} calls were spent")
        if self._made > self._limits.calls:
            return RuntimeError(f"the {self._limits.calls:,} calls of a run are spent")
        function = self._functions.get(name)
        if function is None:
            return NameError(f"name {name!r} is not defined")
        try:
            arguments = function.arguments(given, named, self._limits.argument)
        except (TypeError, ValueError) as error:
            return type(error)(f"{name}: {error}")
        try:
            return function.call(**arguments)
        except CallFailed as error:
            return RuntimeError(f"{name} failed: {error}")


class Sandbox(ABC):
    """Runs programs in a process of their own, without files, network, other processes or the host's memory.

    Variables that a program sets are there in the next run. What the sandbox is given, variables and functions, is
    bound anew before each run, whatever a program did with the names. A process that went beyond a limit or died is
    replaced, with the variables that it was given. Use it in a `with`.
    """

    kind: ClassVar[str]
    dialect: ClassVar[str]
    """For the writer of programs: which Python this is."""

    def __init__(
        self,
        variables: Mapping[str, Json] | None = None,
        functions: Mapping[str, Function] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.variables, self.functions = dict(variables or {}), dict(functions or {})
        self.limits = limits or Limits()
        self._changed: dict[str, Json] = {}
        for name in (*self.variables, *self.functions):
            if not name.isidentifier():
                raise ValueError(f"{name!r} is no name of a variable; use letters, digits and underscores")
        twice = self.variables.keys() & self.functions.keys()
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} is a variable and a function; rename one")
        self._start()
        self._up = True

    def run(self, code: str) -> Result:
        """Runs a program. Exceptions of the host's functions other than CallFailed end it and are passed on."""
        if not self._up:
            self._changed.clear()
            self._start()
            self._up = True
        code = code.encode("utf-8", "replace").decode("utf-8")
        shown = Shown(self.limits.output)
        try:
            value, err = self._run(code, shown, Calls(self.functions, self.limits))
        except Ended as ended:
            self.close()
            return Result(out=shown.text, err=_bounded(ended.err), why=ended.why, lost=True)
        except BaseException:
            self.close()
            raise
        if err:
            return Result(out=shown.text, err=_bounded(err), why="raised")
        try:
            return Result(out=shown.text, err="", why="done", value=plain(value))
        except NotPlain:
            return Result(out=shown.text, err="", why="done")

    def give(self, name: str, value: Json) -> None:
        """Changes a variable that the sandbox is given, for the next run and all later ones."""
        self.variables[name] = self._changed[name] = value

    @property
    def memory(self) -> int:
        """Bytes that a program may take, those of the given variables included."""
        return self.limits.memory + 3 * sum(map(_bytes, self.variables.values()))

    def close(self) -> None:
        """Ends the process; a further run begins with a new one."""
        if self._up:
            self._up = False
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _start(self) -> None:
        """A new process with the given variables. Raises SandboxError where there can be none."""

    @abstractmethod
    def _run(self, code: str, shown: Shown, calls: Calls) -> tuple[object, str]:
        """The value of the program's last expression, and what it raised, if it did. Raises Ended."""

    @abstractmethod
    def _stop(self) -> None:
        """Ends the process, at once and for good."""


def _bounded(err: str) -> str:
    shown = Shown(_FAULT)
    shown.add(err)
    return shown.text


def _bytes(value: Json) -> int:
    if isinstance(value, str):
        return len(value) * (1 if value.isascii() else 4)
    if isinstance(value, list | dict):
        return 64 + sum(map(_bytes, value.values() if isinstance(value, dict) else value))
    return 32

"""Runs programs that come over a pipe, and sends what they print, call and give over another.

Nothing here is trusted: the host takes every frame for the program's own.
"""

import ast
import bisect
import builtins
import collections
import copy
import dataclasses
import datetime
import decimal
import difflib
import encodings.ascii
import encodings.cp1252
import encodings.latin_1
import encodings.utf_8
import enum
import fractions
import functools
import gc
import heapq
import itertools
import json
import linecache
import math
import operator
import os
import random
import re
import statistics
import string
import sys
import textwrap
import time
import traceback
import typing
import unicodedata
from collections.abc import Callable
from typing import Any

KEPT = [
    *(ast, bisect, collections, copy, dataclasses, datetime, decimal, difflib, encodings, enum, fractions),
    *(functools, heapq, itertools, math, operator, random, re, statistics, string, textwrap, time, typing),
    *(unicodedata, __import__("_strptime")),
]
"""The modules that programs find; nothing can be imported later."""

RAISED = {kind.__name__: kind for kind in (TypeError, ValueError, RuntimeError, NameError)}
DEPTH, CHARACTERS = 32, 1_000_000
_encode = json.JSONEncoder(allow_nan=False).encode
_decode = json.JSONDecoder().decode
_read, _write = os.read, os.write


class Pipes:
    """Frames: a length of eight bytes, then JSON in ASCII."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def send(self, frame: dict[str, Any]) -> None:
        data = _encode(frame).encode("ascii")
        data = len(data).to_bytes(8, "big") + data
        sent = 0
        while sent < len(data):
            sent += _write(self.outgoing, data[sent : sent + 65536])

    def receive(self) -> Any:
        return _decode(self._exactly(int.from_bytes(self._exactly(8), "big")).decode("ascii"))

    def _exactly(self, count: int) -> bytearray:
        data = bytearray()
        while len(data) < count:
            piece = _read(self.incoming, min(1 << 20, count - len(data)))
            if not piece:
                os._exit(0)
            data += piece
        return data


class Printed:
    """Takes what a program prints: sends its beginning as it comes, and keeps its end."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, pipes: Pipes, limit: int) -> None:
        self.pipes, self.room, self.limit = pipes, limit, limit
        self.length, self.tail = 0, ""

    def write(self, text: str) -> int:
        if type(text) is not str:
            raise TypeError("write() argument must be str")
        head, rest = text[: self.room], text[self.room :]
        if head:
            self.room -= len(head)
            self.pipes.send({"out": head})
        self.length += len(rest)
        self.tail = (self.tail + rest[-self.limit :])[-self.limit :]
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False


def helper(name: str, pipes: Pipes) -> Callable[..., Any]:
    """What a program calls in the place of a function of the host."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            frame = {"call": name, "args": [plain(each) for each in args], "kwargs": plain(kwargs)}
        except ValueError as error:
            raise TypeError(f"{name}: {error}") from None
        pipes.send(frame)
        answer = pipes.receive()
        if "raise" in answer:
            raise RAISED[answer["raise"]](answer["text"])
        return answer["value"]

    call.__name__ = call.__qualname__ = name
    return call


def plain(value: Any) -> Any:
    """A copy out of exact JSON types, so that nothing of the value's own is called; ValueError for others."""
    room = CHARACTERS * 4

    def copied(each: Any, depth: int) -> Any:
        nonlocal room
        kind = type(each)
        room -= len(each) if kind is str else 1
        if depth == 0 or room < 0:
            raise ValueError("a value is too large, too deep or holds itself")
        if each is None or kind in (bool, str, float) or (kind is int and each.bit_length() <= 1024):
            return each
        if kind in (list, tuple):
            return [copied(part, depth - 1) for part in each]
        if kind is dict and all(type(key) is str for key in each):
            return {key: copied(part, depth - 1) for key, part in each.items()}
        raise ValueError("a value is no text, number, list or mapping")

    return copied(value, DEPTH)


def told(error: BaseException, name: str) -> str:
    """The error with the places in programs, innermost last."""
    try:
        frames = traceback.extract_tb(error.__traceback__, limit=-8)
        lines = traceback.format_list([each for each in frames if each.filename.startswith("<run ")])
        lines += traceback.format_exception_only(error)
        return "".join(lines)[-4000:]
    except BaseException:
        return f"{type(error).__name__} in {name}"


def executed(code: str, name: str, space: dict[str, Any]) -> Any:
    """Runs a program and gives the value of its last line, where that is an expression."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    exec(compile(tree, name, "exec"), space)  # noqa: S102 - behind the walls
    return None if last is None else eval(compile(last, name, "eval"), space)  # noqa: S307


def serve(lock: Callable[[int, int], list[str]], incoming: int, outgoing: int) -> None:
    """Puts up the walls, and runs one program after the other until it is ended."""
    pipes = Pipes(incoming, outgoing)
    first = pipes.receive()
    try:
        walls = lock(first["memory"], first["seconds"])
    except Exception as error:
        pipes.send({"refused": str(error)})
        return
    for module in [each for each in sys.modules if each.lstrip("_").partition(".")[0] == "ctypes"]:
        del sys.modules[module]
    sys.path[:], sys.meta_path[:], sys.path_hooks[:] = [], [], []
    del lock
    gc.collect()
    pipes.send({"ready": walls})
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    turn = 0
    while True:
        asked = pipes.receive()
        turn += 1
        name = f"<run {turn}>"
        first["variables"].update(asked["variables"])
        space.update(first["variables"])
        space.update({each: helper(each, pipes) for each in first["functions"]})
        sys.stdout = sys.stderr = printed = Printed(pipes, first["output"])
        sys.setrecursionlimit(1000)
        err, memory, value = "", False, None
        try:
            value = executed(asked["code"], name, space)
        except BaseException as error:
            memory, err = isinstance(error, MemoryError), told(error, name) or "an error without words"
        finally:
            sys.settrace(None)
            sys.setprofile(None)
        try:
            value = plain(value)
            _encode(value)
        except BaseException:
            value = None
        done = {"err": err, "memory": memory, "value": value, "length": printed.length, "tail": printed.tail}
        pipes.send({"done": done})

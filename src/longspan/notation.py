"""The text form of a plan as a tree: `policy=snapkv(budget=2048, when=chunk)`.

Grammar, with blanks allowed between any two tokens:

    plan   = { slot "=" call }
    call   = name [ "(" [ name "=" value { "," name "=" value } ] ")" ]
    value  = call | word | "quoted" | "[" [ value { "," value } ] "]"

A word is a run of characters other than blanks and `( ) [ ] = , " '`; what it means (a number, true,
a method's name) is decided by the parameter that it is given to. A quoted text is a JSON string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from longspan.errors import PlanError

MAX_DEPTH = 8
"""How deep calls and lists may nest."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]=,])|(?P<word>[^\s()\[\]=,"']+))"""
)


@dataclass(frozen=True)
class Word:
    """A bare word, not yet read as a number, a choice or a name."""

    text: str


@dataclass(frozen=True)
class Call:
    """A method with the parameters that were written for it."""

    name: str
    parameters: dict[str, Value] = field(default_factory=dict)


Value: TypeAlias = Call | Word | str | int | float | bool | list["Value"] | None
"""What a parameter can be given as. Text gives calls, words, str and lists; TOML also gives plain values."""


def parse_slots(text: str) -> dict[str, Call]:
    """The slots of a plan's text, each with its call; PlanError says what is wrong and where."""
    reader = _Reader(text)
    slots: dict[str, Call] = {}
    while reader.kind != "end":
        slot = reader.take("word", "slot=method, such as positions=yarn")
        if slot in slots:
            raise PlanError(f"the plan names {slot} twice; keep one of them")
        reader.take("=", f"= after {slot}, as in positions=yarn")
        slots[slot] = reader.call(1)
    return slots


def parse_call(text: str) -> Call:
    """One method with its parameters, such as `snapkv(budget=2048)`."""
    reader = _Reader(text)
    call = reader.call(1)
    reader.take("end", "nothing more")
    return call


def quote(text: str) -> str:
    """`text` as it is written for a parameter: bare where it can only be read as that text."""
    ambiguous = text.lower() in ("true", "false", "none", "nan", "inf", "infinity")
    bare = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and not ambiguous
    return text if bare else json.dumps(text, ensure_ascii=False)


class _Reader:
    """Reads the text from left to right, one token ahead; `kind` is word, quoted, end or the mark itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next()

    def take(self, kind: str, wanted: str) -> str:
        if self.kind != kind:
            found = repr(self.token) if self.token else "the end"
            raise PlanError(f"plan text, column {self._column}: expected {wanted}, found {found}")
        token = self.token
        self._next()
        return token

    def call(self, depth: int) -> Call:
        name = self.take("word", "the name of a method")
        return Call(name, self._parameters(name, depth) if self.kind == "(" else {})

    def _value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise PlanError(
                f"plan text, column {self._column}: nested deeper than {MAX_DEPTH}; write it flatter"
            )
        if self.kind == "quoted":
            return _unquote(self.take("quoted", "a text"))
        if self.kind == "[":
            return self._list(depth)
        word = self.take("word", "a value")
        return Call(word, self._parameters(word, depth)) if self.kind == "(" else Word(word)

    def _parameters(self, method: str, depth: int) -> dict[str, Value]:
        parameters: dict[str, Value] = {}
        self._next()
        while self.kind != ")":
            name = self.take("word", f"parameter=value, or ) to close {method}(")
            self.take("=", f"=, as in {method}(parameter=value)")
            if name in parameters:
                raise PlanError(f"{method} is given {name} twice; keep one of them")
            parameters[name] = self._value(depth + 1)
            self._separate(")", f"a comma, or ) to close {method}(")
        self._next()
        return parameters

    def _list(self, depth: int) -> list[Value]:
        values: list[Value] = []
        self._next()
        while self.kind != "]":
            values.append(self._value(depth + 1))
            self._separate("]", "a comma, or ] to close the list")
        self._next()
        return values

    def _separate(self, close: str, wanted: str) -> None:
        if self.kind != close:
            self.take(",", wanted)

    def _next(self) -> None:
        self.kind, self.token, self._column = next(self._tokens)

    def _split(self) -> Iterator[tuple[str, str, int]]:
        end = len(self._text.rstrip())
        at = 0
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                start = end - len(self._text[at:end].lstrip())
                trouble = (
                    f"plan text, column {start + 1}: {self._text[start]} is out of place or never closed"
                )
                raise PlanError(f'{trouble}; write texts as "..."')
            kind = str(match.lastgroup)
            token = match[kind]
            yield token if kind == "mark" else kind, token, match.start(kind) + 1
            at = match.end()
        while True:
            yield "end", "", end + 1


def _unquote(token: str) -> str:
    try:
        text: str = json.loads(token, strict=False)
    except json.JSONDecodeError as error:
        raise PlanError(
            f"plan text: {token} is not a quoted text ({error.msg}); write backslashes twice"
        ) from error
    return text

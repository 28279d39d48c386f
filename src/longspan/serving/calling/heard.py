"""What was heard in what a model says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.asked import Function


@dataclass(frozen=True)
class Said:
    """Text."""

    text: str


@dataclass(frozen=True)
class Named:
    """A call begins, of the function of this name."""

    name: str


@dataclass(frozen=True)
class Given:
    """More of the arguments of the last call."""

    arguments: str


Piece = Said | Named | Given


@dataclass(kw_only=True)
class Heard:
    """What comes of one answer.

    functions: that may be called, by name. parallel: whether several of them. live: whether a form holds calls, so that
    their arguments can be told before they are whole. pieces: what was heard, in its order. calls: how many are whole.
    open: whether one is not yet.
    """

    functions: Mapping[str, Function] = field(default_factory=dict)
    parallel: bool = True
    live: bool = False
    pieces: list[Piece] = field(default_factory=list)
    calls: int = 0
    open: bool = False

    @property
    def full(self) -> bool:
        """Whether nothing may follow."""
        return bool(self.calls) and not self.parallel

    def say(self, text: str) -> None:
        """Text."""
        if text and not self.full:
            self.pieces.append(Said(text))

    def call(self, name: str, arguments: str) -> None:
        """A whole call."""
        self.begin(name)
        self.give(arguments)
        self.end()

    def begin(self, name: str) -> None:
        """A call of which only the name is known."""
        if not self.full:
            self.pieces.append(Named(name))
            self.open = True

    def give(self, arguments: str) -> None:
        """More of its arguments."""
        if arguments and self.open:
            self.pieces.append(Given(arguments))

    def end(self) -> None:
        """It is whole."""
        self.calls += self.open
        self.open = False

    def schema(self, name: str) -> Mapping[str, Any]:
        """What the arguments of a function are to be."""
        function = self.functions.get(name)
        return {} if function is None else function.parameters

    def taken(self) -> list[Piece]:
        """What was heard since this was asked last."""
        found, self.pieces = self.pieces, []
        return found

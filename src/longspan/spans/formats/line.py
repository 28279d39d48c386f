"""The text of one paragraph, from runs that look different."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from longspan.spans.formats.marks import lowered, raised, struck


class Look(NamedTuple):
    """How a run of text looks, as far as its meaning depends on it. script is ``^`` raised, ``_`` lowered, or empty."""

    hidden: bool = False
    struck: bool = False
    script: str = ""
    font: str = ""


_PLAIN = Look()


class _Piece(NamedTuple):
    text: str
    struck: bool
    script: str
    apart: bool


class Line:
    """Pieces of text; raised, lowered and struck ones are marked where they end, not run by run."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, text: str, look: Look = _PLAIN) -> None:
        if text:
            self._pieces.append(_Piece(text, look.struck, look.script, False))

    def add_apart(self, text: str, *, is_struck: bool = False) -> None:
        """A formula: a digit of it must not read on from one before it."""
        if text:
            self._pieces.append(_Piece(text, is_struck, "", True))

    def wrap(self, since: int) -> None:
        """Brackets around the pieces from a number on."""
        if len(self._pieces) > since:
            self._pieces.insert(since, _Piece("[", False, "", False))
            self._pieces.append(_Piece("]", False, "", False))

    def take(self) -> str:
        """The text; the line is empty afterwards."""
        pieces, self._pieces = self._pieces, []
        if len({piece.script for piece in pieces if piece.text.strip()}) <= 1:
            pieces = [piece._replace(script="") for piece in pieces]  # raised above nothing
        joined = _joined(pieces)
        texts = [
            "".join(piece.text for piece in group) for _, group in groupby(joined, lambda piece: piece.struck)
        ]
        states = [state for state, _ in groupby(piece.struck for piece in joined)]
        return "".join(struck(text) if state else text for text, state in zip(texts, states, strict=True))


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """One piece for neighbours that look alike, with the marks of their script."""
    merged: list[_Piece] = []
    groups: list[tuple[_Piece, list[str]]] = []
    for piece in pieces:
        if groups and groups[-1][0][1:] == piece[1:] and not piece.apart:
            groups[-1][1].append(piece.text)
        else:
            groups.append((piece, [piece.text]))
    texts = ["".join(each) for _, each in groups]
    after_apart = False
    for number, ((piece, _), text) in enumerate(zip(groups, texts, strict=True)):
        before = merged[-1].text[-1:] if merged else ""
        next_one = groups[number + 1][0] if number + 1 < len(groups) else None
        following = "" if next_one is None or next_one.script else texts[number + 1][:2]
        if piece.script == "^":
            text = raised(text, before, following)
        elif piece.script == "_":
            text = lowered(text, following)
        elif before.isalnum() and (
            (piece.apart and text[0].isdigit()) or (after_apart and text[0].isalnum())
        ):
            text = f" {text}"
        after_apart = piece.apart
        merged.append(piece._replace(text=text))
    return merged

"""The fonts of an RTF file: they tell in which encoding the bytes of a run stand."""

from __future__ import annotations

from typing import NamedTuple

from longspan.spans.formats.symbols import is_symbolic


class Font(NamedTuple):
    """encoding is None where that of the file holds, and ``symbol`` for pictures in the places of letters."""

    name: str = ""
    encoding: str | None = None
    symbolic: bool = False


_UNKNOWN = Font()


class Fonts:
    """The table at the beginning of the file, filled word by word."""

    def __init__(self) -> None:
        self._fonts: dict[int, Font] = {}
        self._defined = 0
        self._name: list[str] = []

    def define(self, number: int) -> None:
        """What is said from now on is about this font."""
        self._defined, self._name = number, []
        self._fonts[number] = Font()

    def encode(self, encoding: str | None) -> None:
        self._fonts[self._defined] = self._fonts[self._defined]._replace(encoding=encoding)

    def name(self, text: str) -> None:
        self._name.append(text)
        name = "".join(self._name).strip().rstrip(";")
        self._fonts[self._defined] = self._fonts[self._defined]._replace(
            name=name, symbolic=is_symbolic(name)
        )

    def __getitem__(self, number: int) -> Font:
        return self._fonts.get(number, _UNKNOWN)

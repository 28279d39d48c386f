"""What a program printed, as it is shown: its beginning and its end, with its true length."""

from __future__ import annotations

from longspan.spans.display import escaped


class Shown:
    """Takes text in pieces and holds no more than `limit` characters of it, half from each end.

    Characters that could steer a terminal are written as Python writes them.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = self._tail = ""
        self._length = 0

    def add(self, text: str) -> None:
        """A piece more."""
        self._length += len(text)
        room = self._half - len(self._head)
        if room > 0:
            self._head += escaped(text[:room], lines=True)
            text = text[room:]
        self._tail = (self._tail + escaped(text[-2 * self._half :], lines=True))[-2 * self._half :]

    def skip(self, length: int, tail: str) -> None:
        """`length` characters more, of which only the last are at hand."""
        self.add(tail)
        self._length += max(0, length - len(tail))

    @property
    def text(self) -> str:
        """All of it, or both ends around a line that says how long it is."""
        if self._length <= 2 * self._half:
            return self._head + self._tail
        return (
            f"{self._head}\n[… the middle of {self._length:,} characters is left out …]\n"
            f"{self._tail[-self._half :]}"
        )

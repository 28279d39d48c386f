"""Bytes and code units of an RTF file, until they are whole characters."""

from __future__ import annotations

from collections.abc import Callable


class Buffer:
    """Gathers what makes up a run of text. ``encoded`` takes bytes, ``decoded`` takes text.

    After a code unit come so many characters for readers that do not know it; they are skipped.
    """

    def __init__(self, encoded: Callable[[bytes], None], decoded: Callable[[str], None]) -> None:
        self._encoded, self._decoded = encoded, decoded
        self._bytes = bytearray()
        self._units: list[int] = []
        self.to_skip = 0

    def plain(self, text: str) -> None:
        """Text of the file, each byte as one character."""
        if self.to_skip:
            skipped = min(self.to_skip, len(text))
            self.to_skip -= skipped
            text = text[skipped:]
        if text:
            self._end_units()
            self._bytes += text.encode("latin-1")

    def skips(self) -> bool:
        """Whether one more character is to be skipped; then it is."""
        skipped = self.to_skip > 0
        self.to_skip -= skipped
        return skipped

    def byte(self, value: int) -> None:
        if not self.skips():
            self._end_units()
            self._bytes.append(value)

    def unit(self, number: int, replacements: int) -> None:
        """A code unit of UTF-16, perhaps below zero, and how many characters stand after it instead."""
        self._end_bytes()
        self._units.append(number & 0xFFFF)
        self.to_skip = replacements

    def flush(self) -> None:
        self._end_bytes()
        self._end_units()

    def _end_bytes(self) -> None:
        if self._bytes:
            data, self._bytes = bytes(self._bytes), bytearray()
            self._encoded(data)

    def _end_units(self) -> None:
        if self._units:
            units, self._units = self._units, []
            data = b"".join(unit.to_bytes(2, "little") for unit in units)
            self._decoded(data.decode("utf-16-le", "replace"))

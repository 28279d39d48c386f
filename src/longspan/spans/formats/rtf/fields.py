"""The open fields of an RTF file, and what they show."""

from __future__ import annotations

from longspan.spans.formats.field_codes import without_result
from longspan.spans.formats.left_out import LeftOut

_MAX_ENTRIES = 1000
_UNDEFINED = 25
FORM_WORDS = ("fftype", "ffres", "ffdefres")


class Fields:
    """Fields lie in one another; the form data belong to the one that ends next."""

    def __init__(self, left_out: LeftOut) -> None:
        self._left_out = left_out
        self._open: list[tuple[list[str], int]] = []
        self.form: dict[str, int] = {}
        self._entries: list[str] = []

    def begin(self, shown: int) -> None:
        """``shown`` counts the pieces of text so far; if it has not grown at the end, there is no result."""
        self._open.append(([], shown))

    def instruct(self, text: str) -> None:
        if self._open:
            self._open[-1][0].append(text)

    def entry(self, text: str) -> None:
        """One of the choices of a list."""
        if len(self._entries) < _MAX_ENTRIES:
            self._entries.append(text.strip())

    def end(self, shown: int) -> str:
        """What the field shows besides its result."""
        pieces, before = self._open.pop()
        form, self.form = self.form, {}
        entries, self._entries = self._entries, []
        if form:
            result = form.get("ffres", _UNDEFINED)
            result = form.get("ffdefres", 0) if result == _UNDEFINED else result
            if form.get("fftype") == 1:
                return "[x]" if result else "[ ]"
            return entries[result] if form.get("fftype") == 2 and 0 <= result < len(entries) else ""
        return without_result("".join(pieces), self._left_out) if shown == before else ""

"""The marks that join a place of the text with its footnote, endnote or comment."""

from __future__ import annotations

from longspan.spans.formats.numerals import written
from longspan.spans.formats.package import Package, child, local, number, value

_FORMS = {"footnote": "decimal", "endnote": "lowerRoman", "comment": "decimal"}


class Marks:
    """Numbers the notes of each kind in the order in which the text refers to them."""

    def __init__(self, package: Package, main: str) -> None:
        self._numbers: dict[str, dict[str, int]] = {kind: {} for kind in _FORMS}
        self._forms, self._starts = dict(_FORMS), dict.fromkeys(_FORMS, 1)
        for part in package.related(main, "settings")[:1]:
            for node in package.tree(part):
                kind = local(node).removesuffix("Pr")
                if local(node) in ("footnotePr", "endnotePr"):
                    self._forms[kind] = value(child(node, "numFmt")) or self._forms[kind]
                    start = number(child(node, "numStart"))
                    self._starts[kind] = self._starts[kind] if start is None else start

    def refer(self, kind: str, name: str) -> str:
        """The mark at a place that refers to a note."""
        numbers = self._numbers[kind]
        numbers.setdefault(name, self._starts[kind] + len(numbers))
        return f"[{self.of(kind, name)}]"

    def of(self, kind: str, name: str) -> str | None:
        """The mark of a note without brackets; None if the text does not refer to it."""
        count = self._numbers[kind].get(name)
        if count is None:
            return None
        said = written(count, self._forms[kind]) or str(count)
        return f"comment {said}" if kind == "comment" else said

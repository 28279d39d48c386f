"""Formulas of RTF, which are those of Word with groups for elements."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.word.formulas import linear

_DEEPEST = 200
_LONGEST_VALUE = 64


class Formula:
    """An element for each group, as Word's XML would have it; properties are values instead of text."""

    def __init__(self) -> None:
        from lxml import etree

        self._element = etree.SubElement
        self._root: Any = etree.Element("oMath")
        self._open: list[Any] = [self._root]

    def begin(self, word: str) -> None:
        """A group of the control word, such as ``mnum``."""
        if len(self._open) > _DEEPEST:
            raise ValueError(f"a formula of it is more than {_DEEPEST} groups deep")
        self._open.append(self._element(self._open[-1], word.removeprefix("m")))

    def end(self) -> None:
        if len(self._open) > 1:
            self._open.pop()

    def add(self, text: str) -> None:
        node = self._open[-1]
        parent = node.getparent()
        kept = "".join(character for character in text if character.isprintable())
        if parent is not None and str(parent.tag).endswith("Pr"):
            node.set("val", ((node.get("val") or "") + kept.strip())[:_LONGEST_VALUE])
        else:
            self._element(node, "t").text = kept

    def text(self) -> str:
        return linear(self._root)

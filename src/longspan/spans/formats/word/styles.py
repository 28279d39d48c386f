"""What styles say of a run or a paragraph: hidden, struck, raised, numbered, a heading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from longspan.spans.formats.line import Look
from longspan.spans.formats.package import Package, child, local, number, switched_on, value

_TOGGLES = ("vanish", "strike", "dstrike")
_SCRIPTS = {"superscript": "^", "subscript": "_", "baseline": ""}
_MIN_SHIFT = 4  # half points: less is a matter of alignment
_LONGEST_CHAIN = 64


@dataclass
class _Style:
    kind: str
    base: str | None
    name: str
    run: dict[str, Any]
    outline: int | None
    numbering: tuple[int | None, int | None] | None


class Styles:
    """The styles of a file; without the part, there are none and nothing is set."""

    def __init__(self, package: Package, main: str) -> None:
        self._styles: dict[str, _Style] = {}
        self._default: str | None = None
        self._looks: dict[tuple[str | None, str | None], dict[str, Any]] = {}
        for part in package.related(main, "styles")[:1]:
            for node in package.tree(part):
                if local(node) == "style":
                    self._add(node)

    def _add(self, node: Any) -> None:
        name, paragraph = value(node, "styleId") or "", child(node, "pPr")
        kind = value(node, "type") or "paragraph"
        if kind == "paragraph" and (value(node, "default") or "") in ("1", "true", "on"):
            self._default = name
        self._styles[name] = _Style(
            kind=kind,
            base=value(child(node, "basedOn")),
            name=(value(child(node, "name")) or "").lower(),
            run=_run_facts(child(node, "rPr")),
            outline=number(child(paragraph, "outlineLvl")) if paragraph is not None else None,
            numbering=numbering_of(paragraph),
        )

    def _chain(self, name: str | None) -> list[_Style]:
        """The style and those that it builds on, the nearest first."""
        chain: list[_Style] = []
        while name in self._styles and len(chain) < _LONGEST_CHAIN:
            chain.append(self._styles[name])
            name = chain[-1].base
        return chain

    def _facts(self, name: str | None) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for style in reversed(self._chain(name)):
            facts |= style.run
        return facts

    def look(self, properties: Any, paragraph: str | None) -> Look:
        """Of a run with such an rPr (or none) in a paragraph of such a style."""
        direct = _run_facts(properties)
        names = (paragraph or self._default, direct.pop("style", None))
        if names not in self._looks:
            of_paragraph, of_run = map(self._facts, names)
            merged = of_paragraph | of_run
            for toggle in _TOGGLES:  # two styles that both set it undo each other
                merged[toggle] = of_paragraph.get(toggle, False) != of_run.get(toggle, False)
            self._looks[names] = merged
        facts = self._looks[names] | direct
        return Look(
            hidden=facts["vanish"],
            struck=facts["strike"] or facts["dstrike"],
            script=facts.get("script") or facts.get("shift") or "",
            font=facts.get("font", ""),
        )

    def outline(self, name: str | None) -> bool:
        """Whether paragraphs of the style are headings."""
        for style in self._chain(name or self._default):
            if style.outline is not None:
                return style.outline < 9
            if style.name.startswith("heading ") or style.name == "title":
                return True
        return False

    def numbering(self, name: str | None) -> tuple[str, int | None, int | None] | None:
        """The style that numbers paragraphs of this one, its list and its level."""
        found: tuple[str, int | None, int | None] | None = None
        name = name or self._default
        for style in self._chain(name):
            if style.numbering:
                listed, level = style.numbering
                if found is None:
                    found = (name or "", listed, level)
                elif found[1] is None:
                    found = (found[0], listed, found[2] if found[2] is not None else level)
                if found[1] is not None:
                    break
            name = style.base
        return found


def numbering_of(paragraph: Any) -> tuple[int | None, int | None] | None:
    """The list and the level that a pPr asks for."""
    node = child(paragraph, "numPr")
    return None if node is None else (number(child(node, "numId")), number(child(node, "ilvl")))


def _run_facts(properties: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for node in () if properties is None else properties:
        name = local(node)
        if name in _TOGGLES:
            facts[name] = switched_on(node)
        elif name == "vertAlign":
            facts["script"] = _SCRIPTS.get(value(node) or "", "")
        elif name == "position":
            shift = number(node) or 0
            facts["shift"] = "^" if shift >= _MIN_SHIFT else "_" if shift <= -_MIN_SHIFT else ""
        elif name == "rFonts":
            facts["font"] = value(node, "ascii") or value(node, "hAnsi") or ""
        elif name == "rStyle":
            facts["style"] = value(node)
    return facts

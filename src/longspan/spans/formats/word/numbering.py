"""The numbers that Word gives to paragraphs of lists, which stand nowhere in the text of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.numerals import written
from longspan.spans.formats.package import Package, child, local, number, switched_on, value
from longspan.spans.formats.symbols import replaced
from longspan.spans.formats.word.styles import Styles, numbering_of

_COUNTED_PLAINLY = Kind("form of list number", "forms of list numbers", "such numbers are shown as 1, 2, 3")
_BULLETS = {"o": "◦", "\uf0b7": "•", "·": "•", "": ""}
_AFTER = {"tab": "\t", "space": " ", "nothing": ""}


@dataclass(frozen=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""
    after: str = "\t"
    restarts_after: int | None = None
    legal: bool = False
    style: str | None = None
    font: str = ""
    hidden: bool = False


class Numbering:
    """The lists of a file and how far each of them has counted. Lists of one pattern count on, as in Word."""

    def __init__(self, package: Package, main: str, styles: Styles, left_out: LeftOut) -> None:
        self._styles, self._left_out = styles, left_out
        self._patterns: dict[int, dict[int, _Level]] = {}
        self._lists: dict[int, int] = {}
        self._own_levels: dict[int, dict[int, _Level]] = {}
        self._own_starts: dict[int, dict[int, int]] = {}
        self._counts: dict[int, dict[int, int]] = {}
        self._begun: set[tuple[int, int]] = set()
        linked: dict[int, str] = {}
        holders: dict[str, int] = {}
        for part in package.related(main, "numbering")[:1]:
            for node in package.tree(part):
                if local(node) == "abstractNum":
                    pattern = number(node, "abstractNumId") or 0
                    levels = [each for each in node if local(each) == "lvl"]
                    self._patterns[pattern] = {number(each, "ilvl") or 0: _level(each) for each in levels}
                    if (style := value(child(node, "numStyleLink"))) and not levels:
                        linked[pattern] = style
                    if style := value(child(node, "styleLink")):
                        holders[style] = pattern
                elif local(node) == "num":
                    self._add(node)
        for pattern, style in linked.items():
            self._patterns[pattern] = self._patterns.get(holders.get(style, -1), {})

    def _add(self, node: Any) -> None:
        listed = number(node, "numId") or 0
        self._lists[listed] = number(child(node, "abstractNumId")) or 0
        for override in (each for each in node if local(each) == "lvlOverride"):
            depth = number(override, "ilvl") or 0
            if (level := child(override, "lvl")) is not None:
                self._own_levels.setdefault(listed, {})[depth] = _level(level)
            if (start := number(child(override, "startOverride"))) is not None:
                self._own_starts.setdefault(listed, {})[depth] = start

    def label(self, properties: Any, style: str | None, *, empty: bool) -> str:
        """The next number of a paragraph with such a pPr and style, and what parts it from the text."""
        asked = self._asked(properties, style)
        if asked is None:
            return ""
        listed, depth = asked
        pattern = self._lists[listed]
        levels = self._patterns.get(pattern, {}) | self._own_levels.get(listed, {})
        level = levels.get(depth)
        if level is None:
            return ""
        self._count(listed, pattern, depth, levels)
        if level.hidden or (level.form == "bullet" and empty):
            return ""
        if level.form == "bullet":
            said = _BULLETS.get(level.text) or self._shown(level.text, level.font)
        else:
            counts = self._counts[pattern]
            said = re.sub(
                r"%([1-9])", lambda match: self._number(int(match[1]) - 1, counts, levels, level), level.text
            )
            said = self._shown(said, level.font)
        return said + level.after if said.strip() else ""

    def _asked(self, properties: Any, style: str | None) -> tuple[int, int] | None:
        """The list and the depth in it, by the paragraph itself or else by its style."""
        direct = numbering_of(properties)
        by_style = self._styles.numbering(style)
        listed = direct[0] if direct and direct[0] is not None else by_style[1] if by_style else None
        if not listed or listed not in self._lists:
            return None
        depth = direct[1] if direct else None
        if depth is None and by_style:
            levels = self._patterns.get(self._lists[listed], {}) | self._own_levels.get(listed, {})
            named = (each for each, level in levels.items() if level.style and level.style == by_style[0])
            depth = next(named, by_style[2])
        return listed, min(max(depth or 0, 0), 8)

    def _count(self, listed: int, pattern: int, depth: int, levels: dict[int, _Level]) -> None:
        counts = self._counts.setdefault(pattern, {})
        for each in range(depth + 1):
            start = self._own_starts.get(listed, {}).get(each)
            if start is not None and (listed, each) not in self._begun:
                self._begun.add((listed, each))
                counts.pop(each, None)
                if each < depth:
                    counts[each] = start
            first = start if start is not None else levels.get(each, _Level()).start
            if each == depth:
                counts[each] = counts[each] + 1 if each in counts else first
            else:
                counts.setdefault(each, first)
        for each in [each for each in counts if each > depth]:
            after = levels.get(each, _Level()).restarts_after
            if after is None or (after > 0 and depth < after):
                del counts[each]

    def _number(self, depth: int, counts: dict[int, int], levels: dict[int, _Level], own: _Level) -> str:
        level = levels.get(depth, _Level())
        count = counts.get(depth, level.start)
        said = written(count, "decimal" if own.legal and level.form != "none" else level.form)
        if said is None:
            self._left_out.add(_COUNTED_PLAINLY, level.form)
            return str(count)
        return said

    def _shown(self, text: str, font: str) -> str:
        return replaced(text, font, [])


def _level(node: Any) -> _Level:
    level = _Level()
    for each in node.iter():
        name = local(each)
        if name == "start":
            level = replace(level, start=number(each) or 0)
        elif name == "numFmt":
            form = value(each) or "decimal"
            if form != "custom":
                # The choice of newer readers comes first, and what older ones take instead after it.
                level = level if level.form.startswith("0") else replace(level, form=form)
            else:
                level = replace(level, form=value(each, "format") or "decimal")
        elif name == "lvlText":
            level = replace(level, text=value(each) or "")
        elif name == "suff":
            level = replace(level, after=_AFTER.get(value(each) or "", "\t"))
        elif name == "lvlRestart":
            level = replace(level, restarts_after=number(each))
        elif name == "isLgl":
            level = replace(level, legal=switched_on(each))
        elif name == "pStyle":
            level = replace(level, style=value(each))
        elif name == "rFonts":
            level = replace(level, font=value(each, "ascii") or value(each, "hAnsi") or "")
        elif name == "vanish":
            level = replace(level, hidden=switched_on(each))
    return level

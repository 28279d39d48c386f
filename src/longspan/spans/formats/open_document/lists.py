"""The numbers of lists and headings, as an office program counts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from longspan.spans.formats.numerals import written
from longspan.spans.formats.package import local, number, value

_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"} | {
    "①, ②, ③, ...": "decimalEnclosedCircle",
    "一, 二, 三, ...": "chineseCounting",
    "イ, ロ, ハ, ...": "irohaFullWidth",
    "ア, イ, ウ, ...": "aiueoFullWidth",
    "甲, 乙, 丙, ...": "ideographTraditional",
    "가, 나, 다, ...": "ganada",
}
_DEEPEST = 10


@dataclass
class Counters:
    """How far each level of a list has been counted."""

    style: Any
    counts: list[int] = field(default_factory=lambda: [0] * _DEEPEST)
    started: list[bool] = field(default_factory=lambda: [False] * _DEEPEST)

    def next(self, level: int, restart: int | None = None) -> str:
        """The label of the next entry of a level that counts from 1; with a blank behind it, empty if it has none."""
        level = min(max(level, 1), _DEEPEST)
        said = self._level(level)
        if restart is not None:
            self.counts[level - 1] = restart
        elif self.started[level - 1]:
            self.counts[level - 1] += 1
        else:
            self.counts[level - 1] = number(said, "start-value") or 1
        self.started[level - 1] = True
        for deeper in range(level, _DEEPEST):
            self.started[deeper] = False
        if said is None or not local(said).endswith(("level-style-number", "outline-level-style")):
            return ""
        shown = min(max(number(said, "display-levels") or 1, 1), level)
        numbers = []
        for each in range(level - shown + 1, level + 1):
            form = value(self._level(each), "num-format") or ""
            if form and (self.started[each - 1] or each == level):
                text = written(self.counts[each - 1], _FORMS.get(form, "decimal"))
                numbers.append(str(self.counts[each - 1]) if text is None else text)
        if not numbers or not (value(said, "num-format") or ""):
            return ""
        label = (
            f"{value(said, 'num-prefix') or ''}{'.'.join(numbers)}{value(said, 'num-suffix') or ''}".strip()
        )
        return f"{label} "

    def _level(self, level: int) -> Any:
        if self.style is None:
            return None
        return next((each for each in self.style if number(each, "level") == level), None)

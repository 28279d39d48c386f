"""What a file holds and its text does not, so that nothing is left out in silence."""

from __future__ import annotations

from typing import NamedTuple

from longspan.spans.display import printable

_MAX_NAMED = 6
_LONGEST_NAME = 120


class Kind(NamedTuple):
    """A kind of thing that is not read, in singular and plural, and what a person can do."""

    one: str
    many: str
    advice: str


PICTURE = Kind("picture", "pictures", "if there is text in it, export the file as PDF and run OCR on it")
OBJECT = Kind("embedded object", "embedded objects", "open it in its program and save it as text or PDF")
DELETED = Kind("deleted passage", "deleted passages", "reject the tracked changes to have it read")
HIDDEN = Kind("passage of hidden text", "passages of hidden text", "unhide it to have it read")
ATTACHMENT = Kind("attachment", "attachments", "save it and name it beside this file")
LINKED = Kind("linked part", "linked parts", "name the file that it points to beside this one")
MACROS = Kind("macro project", "macro projects", "macros are never run")
SYMBOL = Kind("symbol of an unknown font", "symbols of an unknown font", "its code stands in brackets")


class LeftOut:
    """Counts what is left out, by kind, and names it where it has a name."""

    def __init__(self) -> None:
        self._counts: dict[Kind, int] = {}
        self._names: dict[Kind, dict[str, None]] = {}

    def add(self, kind: Kind, name: str = "") -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        name = printable(" ".join(name[: 4 * _LONGEST_NAME].split()), lines=False)
        names = self._names.setdefault(kind, {})
        if name and len(names) <= _MAX_NAMED:
            names[name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]} …"] = None

    def merge(self, other: LeftOut) -> None:
        """What another has counted, too."""
        for kind, count in other._counts.items():
            self._counts[kind] = self._counts.get(kind, 0) + count
            names = [*self._names.get(kind, {}), *other._names[kind]]
            self._names[kind] = dict.fromkeys(names[: _MAX_NAMED + 1])

    def __len__(self) -> int:
        return sum(self._counts.values())

    def notes(self) -> tuple[str, ...]:
        """One line a kind."""
        return tuple(self._note(kind, count) for kind, count in self._counts.items())

    def _note(self, kind: Kind, count: int) -> str:
        names = [f"“{name}”" for name in self._names[kind]]
        if len(names) > _MAX_NAMED:
            names[_MAX_NAMED:] = ["…"]
        said = f" ({', '.join(names)})" if names else ""
        what = f"1 {kind.one} that is" if count == 1 else f"{count:,} {kind.many} that are"
        return f"has {what} not read{said}; {kind.advice}"

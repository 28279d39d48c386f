"""The files that a model writes: a dictionary of texts by names that lead nowhere else."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
_PART = re.compile(r"[\w][\w .,()+-]*")


class Store:
    """Texts by their names, in the order in which they came. No name leads out of the store."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def name(self, said: str) -> str:
        """A name as it is kept. Raises ValueError, for the model, where it is none.

        Allowed are parts of letters, digits, blanks and `.,()+-_` between slashes, none of which begins with a point.
        """
        wanted = unicodedata.normalize("NFC", said.strip().strip("`\"'*").removeprefix("./"))
        parts = wanted.split("/")
        if not wanted or len(wanted) > _LONGEST or not all(_PART.fullmatch(part) for part in parts):
            raise ValueError(
                f"{said.strip()[:_LONGEST]!r} is no name of a file; use one such as chapter-1.md"
            )
        if any(part.endswith((".", " ")) for part in parts):
            raise ValueError(f"{wanted!r} ends with a point or a blank; use a name such as chapter-1.md")
        above = ["/".join(parts[:number]) for number in range(1, len(parts))]
        if any(each in self.texts for each in above) or any(
            each.startswith(f"{wanted}/") for each in self.texts
        ):
            raise ValueError(f"{wanted!r} is a file and a folder; use another name")
        return wanted

    def write(self, name: str, text: str) -> None:
        """Puts a whole file in its place. name: as `name` gives it."""
        self.texts[name] = text

    def read(self, name: str) -> str:
        """A file's text. Raises ValueError, for the model, where there is none."""
        if name not in self.texts:
            raise ValueError(f"there is no file {name!r}; the files are: {self.listed()}")
        return self.texts[name]

    def listed(self) -> str:
        """The names, for the model."""
        return ", ".join(self.texts) or "none yet"

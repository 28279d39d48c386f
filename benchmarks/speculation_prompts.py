"""Prompts of seven kinds and any length for `speculation.py`: what follows repeats much of what was read, or little."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

KINDS = ("edit", "quote", "list", "json", "summarise", "chat", "code")
_NAMES = ("Aster", "Birch", "Cedar", "Dahlia", "Elm", "Fern", "Gorse", "Hazel", "Iris", "Juniper")


class Texts:
    """Prose and code of folders, from which stretches are drawn. tokens: counts those of a text."""

    def __init__(self, prose: Path, code: Path, tokens: Callable[[str], int]) -> None:
        self._prose = _read(prose, "*.txt") or _read(prose, "*.md")
        self._code, self._tokens = _read(code, "*.py"), tokens
        if not self._prose or not self._code:
            raise SystemExit(f"no texts in {prose} or no code in {code}; give other folders")

    def prompt(self, kind: str, length: int, number: int) -> str:
        """What is asked, with a text before it that makes it about so many tokens long."""
        chances = random.Random(f"{kind} {length} {number}")  # noqa: S311 - which text is asked about
        pool = self._code if kind in ("code", "edit") else self._prose
        text = self._stretch(chances.choice(pool), max(64, length - 120), chances)
        return text + "\n\n" + self._asked(kind, text, chances)

    def _stretch(self, text: str, length: int, chances: random.Random) -> str:
        wanted = 4 * length  # characters; few texts have more a token
        while len(text) < 3 * wanted:
            text += "\n" + chances.choice(self._prose)
        start = text.find("\n", chances.randrange(len(text) - 2 * wanted)) + 1
        low, high = 0, min(len(text) - start, 8 * length)
        while high - low > 64:
            middle = (low + high) // 2
            low, high = (
                (low, middle) if self._tokens(text[start : start + middle]) > length else (middle, high)
            )
        return text[start : start + low]

    def _asked(self, kind: str, text: str, chances: random.Random) -> str:
        end = text[-1200:]
        if kind == "edit":
            word = chances.choice(re.findall(r"[a-z]{5,}", end) or ["value"])
            return f"Write this again with {word} renamed to {word}_new, and change nothing else:\n\n{end}"
        if kind == "quote":
            return f"Quote these lines word for word:\n\n{end}"
        if kind == "list":
            words = sorted(set(re.findall(r"[A-Z][a-z]{3,}", text)))[:40]
            return "List these names, one a line, each with a dash before it: " + ", ".join(words)
        if kind == "json":
            rows = [
                f"{name}: {chances.randrange(100)} pieces, {chances.randrange(9)} boxes" for name in _NAMES
            ]
            return 'Write this as a JSON array of objects with "name", "pieces" and "boxes":\n' + "\n".join(
                rows
            )
        if kind == "summarise":
            return "Summarise the text above in one paragraph."
        if kind == "chat":
            return (
                "Leave the text above aside. What would you do on a free day by the sea? Tell me at length."
            )
        return "Write a test with pytest for the code above."


def _read(folder: Path, pattern: str) -> list[str]:
    files = sorted(folder.rglob(pattern))[:60]
    return [text for path in files if len(text := path.read_text("utf-8", errors="replace")) > 2000]


def copied(said: list[int], read: list[int], size: int = 8) -> float:
    """The share of what was said whose runs of `size` tokens stand in what was read; 0 where it is shorter."""
    known = {tuple(read[place : place + size]) for place in range(len(read) - size + 1)}
    runs = [tuple(said[place : place + size]) for place in range(len(said) - size + 1)]
    return sum(run in known for run in runs) / len(runs) if runs else 0.0

"""Tokens of a text where words and signs are tokens."""

import re

_TOKENS = re.compile(r"\w+|[^\w\s]")
_KEPT = 100_000


class _Counts(dict[str, int]):
    """Tokens of pieces between blanks, each counted once: texts are made of the same ones again and again."""

    def __missing__(self, piece: str) -> int:
        if len(self) == _KEPT:
            self.clear()
        self[piece] = count = len(_TOKENS.findall(piece))
        return count


_COUNTS = _Counts()


def words(text: str) -> int:
    """Words and signs."""
    return sum(map(_COUNTS.__getitem__, text.split()))

"""What a page holds and its text does not."""

from __future__ import annotations

from collections import Counter

_SHOWN = 60


class LeftOut:
    """Counts what is not read, so that it can be named."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._hidden: list[str] = []

    def count(self, what: str) -> None:
        self._counts[what] += 1

    def hidden(self, text: str) -> None:
        if words := " ".join(text.split()):
            self._hidden.append(words[: _SHOWN + 1])

    def notes(self) -> tuple[str, ...]:
        """A line for each kind of thing."""
        said = [
            f"{number:,} {what if number == 1 else _plural(what)} not read; if it matters, give the text as a file"
            for what, number in self._counts.items()
        ]
        if self._hidden:
            first = self._hidden[0]
            shown = first if len(first) <= _SHOWN else first[:_SHOWN] + "…"
            many = "1 part that the page hides is" if len(self._hidden) == 1 else _many(len(self._hidden))
            said.append(f"{many} not read, such as “{shown}”; if it matters, save the page with it shown")
        return tuple(said)


def _many(number: int) -> str:
    return f"{number:,} parts that the page hides are"


def _plural(what: str) -> str:
    first, blank, rest = what.partition(" ")
    if first == "embedded":
        return f"{what}s are"
    return f"{first}s{blank}{rest} are"

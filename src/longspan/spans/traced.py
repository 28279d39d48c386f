"""A text that was changed and remembers where each part of it came from."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

_MANY = 64  # characters; so many are exchanged faster in one pass than each in its own


@dataclass(frozen=True)
class Traced:
    """A text, and the changes through which it came from ``before``; without them it is an original.

    Each change put the characters ``starts`` to ``stops`` of this text in the place of ``old_starts`` to
    ``old_stops`` of the other.
    """

    text: str
    before: Traced | None = field(default=None, repr=False)
    starts: list[int] = field(default_factory=list, repr=False)
    stops: list[int] = field(default_factory=list, repr=False)
    old_starts: list[int] = field(default_factory=list, repr=False)
    old_stops: list[int] = field(default_factory=list, repr=False)

    def replace(self, pattern: re.Pattern[str], by: Callable[[re.Match[str]], str]) -> Self:
        """The text with each match replaced, in time linear in its length; the same where nothing changes."""
        text, pieces, at, length = self.text, [], 0, 0
        starts, stops, old_starts, old_stops = [], [], [], []
        for match in pattern.finditer(text):
            new = by(match)
            start, stop = match.span()
            if new == text[start:stop]:
                continue
            pieces.append(text[at:start])
            pieces.append(new)
            length += start - at
            starts.append(length)
            length += len(new)
            stops.append(length)
            old_starts.append(start)
            old_stops.append(stop)
            at = stop
        if not starts:
            return self
        pieces.append(text[at:])
        return type(self)("".join(pieces), self, starts, stops, old_starts, old_stops)

    def exchange(self, table: Mapping[str, str]) -> Self:
        """The text with characters replaced one for one, which keeps all places."""
        text = self.text
        if len(table) > _MANY:
            text = text.translate({ord(old): new for old, new in table.items()})
        else:
            for old, new in table.items():
                text = text.replace(old, new)
        return self if text == self.text else type(self)(text, self)

    def origin(self, start: int, end: int) -> tuple[int, int] | None:
        """The shortest place in the original for a place here; None where it begins or ends inside a replacement."""
        if self.before is None:
            return start, end
        first, last = start, end
        if self.starts:
            change = bisect_right(self.starts, start) - 1
            if change >= 0:
                if start >= self.stops[change]:
                    first = self.old_stops[change] + start - self.stops[change]
                elif start == self.starts[change]:
                    first = self.old_starts[change]
                else:
                    return None
            change = bisect_left(self.starts, end) - 1
            if change >= 0:
                if end >= self.stops[change]:
                    last = self.old_stops[change] + end - self.stops[change]
                else:
                    return None
        return self.before.origin(first, last)

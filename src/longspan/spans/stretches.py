"""A text of any length as tokens, block by block, equal to those of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Encoding

BLOCK = 1 << 16
"""Characters that are encoded at a time."""

_LAP = 1 << 11
_SIDE = 8
_KINDS = 8


@dataclass(frozen=True)
class Stretch:
    """Tokens `first` .. `last` of a block that begins at character `start` of the text."""

    block: list[int]
    encoding: Encoding
    first: int
    last: int
    start: int

    @property
    def ids(self) -> list[int]:
        """The tokens."""
        return self.block[self.first : self.last]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """The characters of the text that each of them stands for."""
        found = self.encoding.offsets[self.first : self.last]
        return found if self.start == 0 else [(self.start + low, self.start + high) for low, high in found]


Encode = Callable[[str], tuple[list[int], "Encoding"]]


def stretches(encode: Encode, text: str, *, block: int = BLOCK) -> Iterator[Stretch]:
    """All tokens of a text, in time linear in its length and in memory of a few blocks.

    encode: the tokens of a text and where they stand. Blocks overlap. One ends where it and the next one agree about
    several tokens on either side, in words of some variety, since a long run of one character may be divided anew from
    its end; where they never agree, the block grows.
    """
    start = first = 0
    size = block
    ids, encoding = encode(text[:size])
    while start + size < len(text):
        lap = min(_LAP, block // 4)
        begins = start + size - lap
        following = encode(text[begins : begins + block])
        joint = _joint((ids, encoding), following, text[begins : begins + lap], begins - start)
        if joint is None:
            size *= 2
            ids, encoding = encode(text[start : start + size])
            continue
        yield Stretch(ids, encoding, first, joint[0], start)
        (ids, encoding), first, start, size = following, joint[1], begins, block
    yield Stretch(ids, encoding, first, len(ids), start)


def _joint(
    before: tuple[list[int], Encoding], after: tuple[list[int], Encoding], lap: str, shift: int
) -> tuple[int, int] | None:
    """The same token in two blocks whose texts share `lap`, so that one may go on where the other ends.

    shift: where the second block begins in the first.
    """
    for step in (4, 3, 5, 2, 6):
        at = len(lap) * step // 8
        one, two = before[1].char_to_token(shift + at), after[1].char_to_token(at)
        if one is None or two is None:
            continue
        here, there = _around(before, one, shift), _around(after, two, 0)
        if len(here) == 2 * _SIDE and here == there:
            low, high = here[0][1], here[-1][2]
            if len(set(lap[low:high])) >= _KINDS:
                return one, two
    return None


def _around(block: tuple[list[int], Encoding], middle: int, shift: int) -> list[tuple[int, int, int]]:
    ids, encoding = block
    found = []
    for number in range(max(0, middle - _SIDE), min(len(ids), middle + _SIDE)):
        low, high = encoding.token_to_chars(number) or (0, 0)
        found.append((ids[number], low - shift, high - shift))
    return found

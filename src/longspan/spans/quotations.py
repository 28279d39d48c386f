"""The quotations in an answer: what stands in quotation marks of any writing system, or in a Markdown block."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from longspan.spans.blocks import Block, blocks
from longspan.spans.scripts import HANGUL, UNSPACED

# What closes what opens. A mark of the first group opens wherever it stands, one of the second where a word begins.
_PAIRS = {
    "「": "」",
    "『": "』",
    "｢": "｣",
    "﹁": "﹂",
    "﹃": "﹄",
    "《": "》",
    "〈": "〉",
    "≪": "≫",
    "⟪": "⟫",
    "⟨": "⟩",
    "〝": "〞 〟",
    "“": "” “",
    "„": "“ ”",
    "‟": "”",
    "❝": "❞",
    "«": "»",
    "‹": "›",
    "❮": "❯",
    "‘": "’",
    "‚": "‘ ’",
    "‛": "’",
    "❛": "❜",
    "``": "''",
}
_ALSO = {
    "”": "”",
    "»": "« »",
    "›": "‹ ›",
    "’": "’",
    '"': '"',
    "＂": "＂",
    "״": "״",
    "'": "'",
    "＇": "＇",
    "`": "` '",
    "''": "''",
    ",,": "'' “ ”",
    "<<": ">>",
}
_OPENS = {mark: closers.split() for mark, closers in {**_PAIRS, **_ALSO}.items()}
_CLOSES = {
    closer: [opener for opener in _OPENS if closer in _OPENS[opener]]
    for closer in dict.fromkeys(closer for closers in _OPENS.values() for closer in closers)
}
# What also closes, as keyboards have no other mark, where the right one does not follow.
_MIXED = {'"': "“„‟,,״", "”": '"', "'": "‘‚", "’": "'", "״": '"'}
_MARKS = sorted({*_OPENS, *_CLOSES}, key=len, reverse=True)
_MARK = re.compile("|".join(map(re.escape, _MARKS)))
_SINGLE = frozenset("'’‘‚‛❛`＇")  # may be apostrophes, and are told apart by what stands beside them
_STRAIGHT = frozenset(
    ['"', "'", "`", "״", "＂", "＇", "''", "<<"]
)  # a forgotten one reaches not beyond its paragraph
_DEEPEST = 32  # quotations in each other; what was opened before them and never closed is forgotten
_AHEAD = 32  # marks among which the right one is looked for
_NO_SPACES = re.compile(f"[{UNSPACED}{HANGUL}]")
_ELISION = re.compile(
    r"(?:tis|twas|twere|twill|em|til|till|cause|cos|cuz|bout|round|neath|gainst|n|s|t|k|m|d|re|ve|ll|\d0s|\d\d)\b",
    re.IGNORECASE,
)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_TITLES = "《〈"  # also names of books; only what is too long for a name is a quotation
_SOURCE = 120  # characters behind a quotation in which the answer may name its source
_SHORTEST = (12, 3, 6)  # characters, words, or characters of scripts without blanks; less is a word in marks


@dataclass(frozen=True)
class Quotation:
    """A quotation at ``start`` to ``end`` of an answer.

    ``wordings``: what it may be meant to quote, the likeliest first, as a block may end with its source. ``parts``:
    quotations of its own that it consists of, as a block of several paragraphs does. ``source``: what a block says of
    whose words these are.
    """

    start: int
    end: int
    wordings: tuple[str, ...]
    parts: tuple[Quotation, ...] = field(default=())
    source: str = ""


def quotations(answer: str) -> list[Quotation]:
    """All quotations in the order in which they begin; one in another comes after it. In time linear in the answer.

    A quotation has twelve characters or three words at least, or six characters of a script without blanks. Code in
    fences holds none.
    """
    found: list[Quotation] = []
    pieces: list[str] = []
    at = 0
    for block in blocks(answer):
        if not block.code:
            found += _block(block)
        pieces += (answer[at : block.start], "\n" * (block.end - block.start))
        at = block.end
    prose = "".join((*pieces, answer[at:]))
    for start, end in _marked(prose):
        wording = answer[start:end].strip()
        if long_enough(wording) and not (len(wording) < _SHORTEST[0] and answer[start - 1] in _TITLES):
            found.append(Quotation(start, end, (wording,)))
    return sorted(found, key=lambda each: (each.start, -each.end))


def long_enough(wording: str) -> bool:
    """Whether this is more than a word in quotation marks."""
    characters, words, unspaced = _SHORTEST
    return (
        len(wording) >= characters
        or len(wording.split()) >= words
        or len(_NO_SPACES.findall(wording)) >= unspaced
    )


def _block(block: Block) -> Iterator[Quotation]:
    wordings = tuple(wording for wording in block.wordings if long_enough(wording))
    parts = [part for part in block.parts if long_enough(part)]
    if wordings:
        yield Quotation(
            block.start,
            block.end,
            wordings,
            tuple(Quotation(block.start, block.end, (part,), source=block.source) for part in parts),
            block.source,
        )


@dataclass
class _Open:
    mark: str
    start: int  # of the text behind the mark
    paragraph: int


def _marked(text: str) -> Iterator[tuple[int, int]]:
    """Where text stands between marks, without them; pairs may lie in each other."""
    breaks = [match.end() for match in _PARAGRAPH.finditer(text)]
    marks = list(_MARK.finditer(text))
    stack: list[_Open] = []
    for number, match in enumerate(marks):
        mark, start, end = match[0], match.start(), match.end()
        paragraph = bisect_right(breaks, start)
        begins = start == 0 or (paragraph > 0 and breaks[paragraph - 1] == start)
        opens, last = _opens(text, mark, start, end), None
        if begins and opens:
            # A quotation of several paragraphs, each of which begins with a mark and the last alone ends with one.
            if last := _taken(stack, lambda each, mark=mark: each.mark == mark):  # type: ignore[misc]
                yield last.start, _PARAGRAPH.search(text, last.start).start()  # type: ignore[union-attr]
        elif mark in _CLOSES and _closes(text, mark, start, end):
            meant = not (mark in "'’" and _possessive(text, marks, number))
            last = _taken(stack, lambda each: meant and _answers(text, each, marks, number, paragraph))  # noqa: B023
            if last:
                yield last.start, start
                continue
        if opens:
            stack.append(_Open(mark, end, paragraph))
            del stack[:-_DEEPEST]


def _taken(stack: list[_Open], wanted: Callable[[_Open], bool]) -> _Open | None:
    """The innermost that is wanted, taken from the stack with all that was opened after it."""
    for place in range(len(stack) - 1, -1, -1):
        if wanted(stack[place]):
            found = stack[place]
            del stack[place:]
            return found
    return None


def _answers(text: str, opened: _Open, marks: list[re.Match[str]], number: int, paragraph: int) -> bool:
    """Whether a mark that closes a quotation closes the one that this mark opened."""
    mark, start, end = marks[number][0], marks[number].start(), marks[number].end()
    if mark not in _OPENS[opened.mark]:
        if opened.mark not in _MIXED.get(mark, "") or opened.start == start:
            return False
        left, right = text[start - 1], text[end : end + 1]
        doubtful = left.isdigit() or right.isalnum() or (mark in "'’" and left in "szxSZX")
        if _word(right) or (doubtful and _right_one_follows(opened, marks, number, text)):
            return False
    return (
        opened.mark not in _STRAIGHT
        or opened.paragraph == paragraph
        or _whole_lines(text, opened, marks[number])
    )


def _right_one_follows(opened: _Open, marks: list[re.Match[str]], number: int, text: str) -> bool:
    """Whether a mark that closes this one comes before another that opens like it, in the same paragraph."""
    at = marks[number].end()
    for other in marks[number + 1 : number + 1 + _AHEAD]:
        if other[0] in _OPENS[opened.mark] and _closes(text, other[0], other.start(), other.end()):
            return "\n\n" not in text[at : other.start()]
        if other[0] == opened.mark and _opens(text, other[0], other.start(), other.end()):
            return False
    return False


def _whole_lines(text: str, opened: _Open, closing: re.Match[str]) -> bool:
    """Whether a quotation begins and ends with a line, so that its straight marks may hold several paragraphs."""
    before = text[max(0, opened.start - _SOURCE) : opened.start - 1].rstrip(" \t*_")
    behind = text[closing.end() : closing.end() + _SOURCE].lstrip(" \t*_.,;)")
    return (
        opened.mark == '"' and (not before or before[-1] in ":\n") and (not behind or behind[0] in "\n(—–[")
    )


def _word(character: str) -> bool:
    """Whether a mark beside this character stands in a word."""
    return character.isalnum() and not _NO_SPACES.match(character)


def _alone(text: str, start: int, end: int) -> bool:
    """Whether a mark has a line of its own."""
    return text[end : end + 1] in ("\n", "") and text[start - 1 : start] in ("\n", "")


def _opens(text: str, mark: str, start: int, end: int) -> bool:
    if mark not in _OPENS:
        return False
    left, right = text[start - 1 : start], text[end : end + 1]
    if mark == '"' and _alone(text, start, end):
        return True
    if mark in _PAIRS:
        return not (mark in _SINGLE and _word(left))
    if not right or right.isspace() or _word(left):
        return False
    return not (mark in "'’" and _ELISION.match(text, end, end + 8))


def _closes(text: str, mark: str, start: int, end: int) -> bool:
    left, right = text[start - 1 : start], text[end : end + 1]
    if mark in "」』｣﹂﹄》〉〞〟≫⟫⟩❞❯" or mark in ("''", ">>") or (mark == '"' and _alone(text, start, end)):
        return True
    if mark in "»”" and left.isspace():  # French: « and blanks »
        return not right.isalnum() and not _begins_line(text, start)
    if not left or left.isspace() or left in "([{":
        return False
    if mark == "”":
        return True
    if mark in "“‘":
        return not right.isalnum()
    if mark in '"״':
        return not ("\u0590" <= right <= "\u05ff")
    return not _word(right)


def _begins_line(text: str, at: int) -> bool:
    return text[text.rfind("\n", 0, at) + 1 : at].isspace() or text[at - 1] == "\n"


def _possessive(text: str, marks: list[re.Match[str]], number: int) -> bool:
    """Whether this is the apostrophe of the keepers' boat: the quotation ends at a later mark of the same kind."""
    match = marks[number]
    if text[match.start() - 1] not in "szxSZX" or not re.match(r" \w", text[match.end() : match.end() + 2]):
        return False
    for other in marks[number + 1 : number + 9]:
        if "\n\n" in text[match.end() : other.start()][:400]:
            return False
        if other[0] == match[0] and not _inside(text, other):
            return _closes(text, other[0], other.start(), other.end())
        if _opens(text, other[0], other.start(), other.end()):
            return False
    return False


def _inside(text: str, mark: re.Match[str]) -> bool:
    """Whether a mark stands between two letters, as an apostrophe does."""
    return text[mark.start() - 1 : mark.start()].isalnum() and text[mark.end() : mark.end() + 1].isalnum()

"""How a quote may differ from its source and still be one: all texts that read alike become one text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from longspan.spans.markup import unmarked
from longspan.spans.scripts import INVISIBLE, POINTS, UNSPACED
from longspan.spans.traced import Traced

# What models write plain where books have it typeset, one for one.
_PLAIN = {
    **dict.fromkeys('‘’‚‛ʼʻ＇´′‹›"“”„‟«»″＂״׳❝❞❛❜', "'"),
    **dict.fromkeys("‐‑‒–—―−־֊", "-"),
    **dict.fromkeys("|\t\x1f", " "),
    **dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"),
}
_LETTER = r"[^\W\d_]"
LINE_MARK = r"[ \t]*(?:[>#*+•‣◦▪▫■□●○–-]+[ \t]+|//+[ \t]*|[>＞]+)+"
"""What Markdown and comments of source code have at the beginning of a line."""
_LINE_MARKS = re.compile(rf"\n{LINE_MARK}")
_INVISIBLE = re.compile(rf"\u00ad[^\S\n]*\n\s*|[{INVISIBLE}\u0640]+")
_DASH = re.compile(r"[—―⸺⸻]+|--+")
_INNER_BLANK = re.compile(r"(?<=[«‹])\s|\s(?=[»›])")
_NUMERIC = r"[\d¼-¾⅐-⅞]"
_LINE_END = re.compile(
    rf"(?<=[^\W_][-/])(?:[^\S\n]*\n\s*|\s+(?={_NUMERIC})|(?<={_NUMERIC}[-/])\s+)(?=[^\W_])"
)
_HYPHEN = re.compile(rf"-(?<={_LETTER}-)(?:[^\S\n]*\n\s*)?(?={_LETTER})")
_EMPHASIS = re.compile(r"[*_`]+")
_BLANKS = re.compile(r"\s{2,}")
_BEFORE_MARK = re.compile(r" (?=[?!:;,.](?:[\s'?!.]|\Z))")
_POINTED = re.compile(rf"\S[{POINTS}]+|[\u0400-\u04ff]\u0301+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_UNSPACED_BLANKS = re.compile(rf"\s+(?=[{UNSPACED}])|\s(?<=[{UNSPACED}]\s)\s*")
_LEFT_AS_THEY_ARE = ("super", "sub", "circle", "square", "fraction", "font")
_JAMO = "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"


def fold(text: str, left_out: Sequence[tuple[int, int]] = ()) -> Traced:
    """The text as all texts are written that read alike, knowing where its characters came from.

    Line ends, blanks, blanks between words of scripts that have none and before marks of punctuation, hyphens between
    letters (so also at a line's end), invisible characters, composed and split accents, ligatures, full-width forms,
    the style of quotation marks and dashes, Markdown's and HTML's marks, marks of notes and the way to write a power do
    not matter. Case, numbers, fractions and all other punctuation do. left_out: places whose text is passed over, in
    ascending order.
    """
    folded = unmarked(Traced(_blanked(text, left_out) if left_out else text))
    folded = folded.replace(_LINE_MARKS, lambda match: "\n").replace(_DASH, _dash)
    present: set[str] = set() if folded.text.isascii() else set(folded.text)
    folded = _plain(folded, present) if present else folded.exchange(_PLAIN)
    folded = folded.replace(_EMPHASIS, _unemphasized)
    folded = folded.replace(_LINE_END, lambda match: "").replace(_HYPHEN, lambda match: "")
    folded = folded.replace(_BLANKS, lambda match: " ").exchange({"\n": " "})
    if any(map(_UNSPACED.match, present)):
        folded = folded.replace(_UNSPACED_BLANKS, lambda match: "")
    return folded.replace(_BEFORE_MARK, lambda match: "")


def without_points(folded: Traced) -> Traced:
    """A folded text without vowel points, signs for reading and marks of stress, as most texts are written."""
    return folded.replace(_POINTED, lambda match: match[0][0])


def _plain(folded: Traced, present: set[str]) -> Traced:
    """Without invisible characters, and with each character in the form that all its forms become."""
    exchanged, longer, composed = _tables()
    folded = folded.replace(_INVISIBLE, lambda match: "").replace(_INNER_BLANK, lambda match: "")
    if several := present & longer:
        folded = folded.replace(_one_of(several), lambda match: _normal(match[0]))
    folded = folded.exchange({old: exchanged[old] for old in present & exchanged.keys()})
    if not unicodedata.is_normalized("NFC", folded.text):
        folded = folded.replace(composed, lambda match: unicodedata.normalize("NFC", match[0]))
    return folded


def _blanked(text: str, places: Sequence[tuple[int, int]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in places:
        pieces += (text[at:start], " " * (end - start))
        at = end
    return "".join((*pieces, text[at:]))


def _dash(match: re.Match[str]) -> str:
    """A dash between words has blanks; one between numbers, as in 1914—1918, has none."""
    text, start, end = match.string, match.start(), match.end()
    return "-" if text[start - 1 : start].isdecimal() and text[end : end + 1].isdecimal() else " - "


def _unemphasized(match: re.Match[str]) -> str:
    """Nothing for marks around words; between two words, as in snake_case, and alone they stay."""
    text, start, end = match.string, match.start(), match.end()
    left, right = text[start - 1 : start], text[end : end + 1]
    opens = bool(right) and not right.isspace() and not left.isalnum()
    closes = bool(left) and not left.isspace() and not right.isalnum()
    return "" if opens or closes else match[0]


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text))


def _one_of(characters: Iterable[str]) -> re.Pattern[str]:
    return re.compile(f"[{''.join(map(re.escape, sorted(characters)))}]")


@cache
def _tables() -> tuple[dict[str, str], set[str], re.Pattern[str]]:
    """What is written otherwise: one for one, as several characters, and as letters with marks behind them.

    Raised, lowered, circled and squared characters and fractions are left as they are.
    """
    table, longer, marks = dict(_PLAIN), set(), []
    for code in (*range(0xA0, 0x3400), *range(0xF900, 0x10000), *range(0x2F800, 0x2FA1E)):
        character = chr(code)
        if unicodedata.combining(character):
            marks.append(character)
        tag, _, form = unicodedata.decomposition(character).rpartition(">")
        if character in table or not form or tag[1:] in _LEFT_AS_THEY_ARE:
            continue
        plain = _normal(character) if tag else unicodedata.normalize("NFC", character)
        plain = " " if plain.isspace() else plain
        if len(plain) == 1 and plain != character:
            table[character] = _PLAIN.get(plain, plain)
        elif len(plain) > 1 and not plain.startswith(" "):
            longer.add(character)
    every = "".join(map(re.escape, marks))
    return table, longer, re.compile(rf"[^\s{every}][{every}]+|{_JAMO}")

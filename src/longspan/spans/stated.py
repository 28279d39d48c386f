"""What a sentence states beside its words: numbers, and whether it denies."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from longspan.spans.relevance import content_words

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_SMALL = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ADDED = {word: number for number, word in enumerate(_SMALL.split(), 1)}
_ADDED |= {word: 10 * number for number, word in enumerate(_TENS.split(), 2)}
_TIMES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORD = "|".join(sorted((*_ADDED, *_TIMES), key=len, reverse=True))
_IN_WORDS = re.compile(
    rf"(?i)\b(?:{_WORD})\b(?:(?:[\s-]+|(?<=[dn])\s+and\s+)(?:{_WORD})\b)*"  # and: behind hundred, thousand, million
)
_DENIES = re.compile(
    r"(?i)\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|"
    r"nicht|kein\w*|niemals|niemand|nichts|ohne|jamais|aucune?|rien|sans|nunca|ningun\w*|nessun\w*|senza)\b"
    r"|\w\w(?:n['’]t)\b|不|没|沒|無い|ない|ません"
)
_CLAUSE = re.compile(r"[,;:—–()]|\b(?:and|but|while|because|who|which|und|aber|et|mais)\b", re.IGNORECASE)


def numbers(text: str) -> set[str]:
    """The numbers of a text, in digits or in English words, without separators of thousands; no “one” alone."""
    plain = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    said = (re.findall(r"[a-z]+", found[0].lower()) for found in _IN_WORDS.finditer(plain))
    return {*_NUMBER.findall(plain), *(str(_value(words)) for words in said if words != ["one"])}


def _value(words: list[str]) -> int:
    whole, part = 0, 0
    for word in words:
        if word in _ADDED:
            part += _ADDED[word]
        elif word == "hundred":
            part = max(1, part) * 100
        elif word in _TIMES:
            whole, part = whole + max(1, part) * _TIMES[word], 0
    return whole + part


def denies(text: str, words: AbstractSet[str]) -> bool:
    """Whether a text denies what it says with these words: in the clauses that have most of them."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause]
    shared = [len(words & set(content_words(clause))) for clause in clauses]
    best = max(shared, default=0)
    return any(
        _DENIES.search(clause) is not None
        for clause, count in zip(clauses, shared, strict=True)
        if count == best
    )

"""Blocks of Markdown in an answer: quotations whose lines begin with >, and code in fences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^(?P<fence>[^\S\n]{0,3}(?P<ticks>`{3,}|~{3,}))[^\n`]*$|^[^\S\n]*(?:(?:[-*+•]|\d+[.)]|[A-Za-z][.)])[^\S\n]+)?[>＞][^\n]*$",
    re.MULTILINE,
)
_QUOTED_LINE = re.compile(r"\n[^\S\n]*[>＞][^\n]*")
_LINE_START = re.compile(
    r"^[^\S\n]*(?:(?:[-*+•]|\d+[.)]|[A-Za-z][.)])[^\S\n]+)?(?:[>＞][^\S\n]?)+", re.MULTILINE
)
_FENCE_LINE = re.compile(r"^[^\S\n]*(?:`{3,}|~{3,})[^\n`]*(?:\n|\Z)", re.MULTILINE)
# The last line, or its end, where it says whose words these are: — log.txt, line 5; (page 3); Source: ...
_SOURCE_LINE = re.compile(
    r"\n\s*(?P<source>[*_]*(?:[—–―]|--?(?=\s)|[(\[]|~|(?:source|from|see|quelle|aus)\b)[^\n]*)\s*\Z",
    re.IGNORECASE,
)
_SOURCE_BEHIND = re.compile(r"(?P<source>\s*(?:[—–―]|\s--?\s|[(\[])[^\n—–―]*)\Z")
_NAMES_A_PLACE = re.compile(r"\d|\.\w{1,5}\b|\b(?:line|page|source)\b", re.IGNORECASE)
_OPENING, _CLOSING = "\"'“”„‟«»‹›‘’‚「『《〈", "\"'“”“«»‹›‘’」』》〉"
_ITEM = re.compile(r"^[^\S\n]*(?:[-*+•]|\d{1,3}[.)])[^\S\n]+", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block at ``start`` to ``end`` of an answer; see `Quotation` for the rest."""

    start: int
    end: int
    wordings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    source: str = ""
    code: bool = False


def blocks(answer: str) -> Iterator[Block]:
    """All blocks in their order. A fence that is not closed reaches to the end."""
    at = 0
    while match := _BLOCK.search(answer, at):
        start, at = match.start(), match.end()
        if match["fence"]:
            closing = re.compile(rf"^[^\S\n]{{0,3}}{re.escape(match['ticks'])}[`~]*[^\S\n]*$", re.MULTILINE)
            closed = closing.search(answer, at)
            at = closed.end() if closed else len(answer)
            yield Block(start, at, code=True)
            continue
        while line := _QUOTED_LINE.match(answer, at):
            at = line.end()
        yield _quoted(answer, start, at)


def _quoted(answer: str, start: int, end: int) -> Block:
    text = _FENCE_LINE.sub("", _LINE_START.sub("", answer[start:end])).strip()
    shorter, source = text, ""
    if not _ITEM.match(text) and (found := _SOURCE_LINE.search(text)):
        shorter, source = text[: found.start()].strip(), found["source"]
    wordings = [text, _unmarked(shorter)]
    if found := _SOURCE_BEHIND.search(shorter):
        before = shorter[: found.start()].strip()
        if _unmarked(before) != before or _NAMES_A_PLACE.search(found["source"]):
            wordings.append(_unmarked(before))
            source = source or found["source"].strip()
    wordings = [wording for wording in dict.fromkeys(reversed(wordings)) if wording]
    parts = [
        _unmarked(part)
        for paragraph in re.split(r"\n[^\S\n]*\n", shorter)
        for part in (_ITEM.split(paragraph) if _ITEM.match(paragraph) else [paragraph])
        if part.strip()
    ]
    return Block(start, end, tuple(wordings), tuple(parts) if len(parts) > 1 else (), source)


def _unmarked(text: str) -> str:
    """The text without quotation marks around the whole of it."""
    text = text.strip()
    if len(text) > 2 and text[0] in _OPENING and text[-1] in _CLOSING and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text

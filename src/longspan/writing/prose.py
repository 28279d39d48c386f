"""The text in what a model says: without what it was shown, labels, remarks on its work, and a broken end."""

from __future__ import annotations

import re

from longspan.flows.recursive_summary import words_of
from longspan.spans import Document, sentences

_FENCED = re.compile(r"\A\s*(`{3,}|~{3,})[^\n`]*\n(.*?)\n?\1\s*\Z", re.DOTALL)
_MARK = re.compile(r"\A\s*</?text [0-9a-f]{12}>\s*\Z")
OPENING = re.compile(
    r"(?i)\A\W*(?:sure|certainly|of course|okay|ok|absolutely|here(?:['’]s| is| are)|below is)\b[^\n]{0,200}[:!.]\W*\Z"
)
"""How a model begins to speak before it does what was asked."""
_LABEL = re.compile(
    r"(?i)\A[\s*_#>]*(?:paragraph|part)\s+\d{1,3}(?:\s+of\s+\d{1,3})?[\s*_]*(?:[:.–—-]+[\s*_]*|\Z)"
)
_PLANNED = re.compile(r"(?i)\bmain point\s*[:：].*\bword count\s*[:：]|\A\W*main point\s*[:：]")
_COUNT = re.compile(r"(?i)\A\W*(?:word count\s*[:：]?\s*)?(?:about |~)?\d[\d,]*\s*(?:words)?\W*\Z")
_MATERIAL = re.compile(r"<text ([0-9a-f]{12})>.*?</text \1>", re.DOTALL)
_ENDED = re.compile(r"[.!?…。！？:;|`][\"'”’»)\]*_」』`]*\Z")
_ECHO = 4  # words of a line of what was asked


def prose(said: str, asked: str, *, cut: bool = False) -> str:
    """The text in a reply. asked: what it answers, whose lines are no part of it, but for material. cut: it broke off.

    A last sentence that broke off goes, if others stand before it.
    """
    fenced = _FENCED.match(said)
    shown = _lines(asked)
    kept: list[str] = []
    for line in (fenced[2] if fenced else said).splitlines():
        words = words_of(line.casefold())
        echoes = len(words) >= _ECHO and f" {' '.join(words)} " in shown
        if echoes or _MARK.match(line) or _PLANNED.search(line):
            continue
        if not any(map(str.strip, kept)):
            line = _LABEL.sub("", line)
            if OPENING.match(line):
                continue
        kept.append(line.rstrip())
    while kept and (not kept[-1].strip() or ("word" in kept[-1].lower() and _COUNT.match(kept[-1]))):
        kept.pop()
    text = "\n".join(kept).strip()
    return whole(text) if cut else text


def whole(text: str) -> str:
    """A text up to the end of its last sentence that has one; all of it where none has."""
    text = text.rstrip()
    if _ENDED.search(text):
        return text
    found = sentences(Document("text", text))
    return text[: found[-2].end] if len(found) > 1 else text


def _lines(text: str) -> str:
    """The words of each line that is no material, between blanks."""
    lines = _MATERIAL.sub("", text).casefold().splitlines()
    return "\n".join(f" {' '.join(words_of(line))} " for line in lines)

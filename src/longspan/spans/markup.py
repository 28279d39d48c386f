"""What Markdown and HTML write beside the words: a reader sees none of it, and no quote depends on it."""

from __future__ import annotations

import html
import re
import unicodedata

from longspan.spans.traced import Traced

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_ATTRIBUTES = r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'<>]+))*\s*/?"
_TAG = re.compile(
    rf"</?(?P<name>a|b|blockquote|br|cite|em|font|i|mark|p|q|small|span|strong|u){_ATTRIBUTES}>",
    re.IGNORECASE,
)
_BREAKS = {"blockquote", "br", "p"}
_QUOTING = re.compile(
    rf"<(?:blockquote|q){_ATTRIBUTES}>\s*|(?<!\s)\s*(?P<end></(?:blockquote|q)\s*>)", re.IGNORECASE
)
_TARGET = r"(?:\((?=[^()\s]{0,200}[/#.@])[^()\n]{0,300}\)|\[[^\[\]\n]{0,40}\](?!\())"
_LINK = re.compile(rf"!?\[(?=[^\[\]\n]{{1,300}}\]{_TARGET})|\](?<=[^\s\[]\]){_TARGET}")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~\n])")
_TYPED_MARKS = re.compile(r"``(?<!```)(?!`)|''(?<!''')(?!')")  # as TeX and typewriters write “ and ”
_NOTE = r"\^?(?:\d{1,3}|[ivxlc]{1,6}|comment \d{1,4})\]"
_RAISED, _LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ", "₀₁₂₃₄₅₆₇₈₉₊₋"
_SENTENCE_END = ".,;:!?)”’»"
# Marks of notes: lamp[1], lamp.[i], and lamp^2 behind a longer word or the end of a sentence; else it is a power.
_NOTES = re.compile(rf"\[(?<=[^\s\[\](]\[){_NOTE}(?:\[{_NOTE})*(?![\w(\[]|\s*[=+*/<>-])")
_RAISED_NOTES = re.compile(
    rf"[\^{_RAISED}†‡](?:(?<=[^\W\d_]{{3}}.)|(?<=[{_SENTENCE_END}].))"
    rf"(?:(?<=\^)(?:\d{{1,3}}|\{{\d{{1,3}}\}})|(?<!\^)[{_RAISED}]{{0,2}})(?![\w{{(])"
)
_POWER = re.compile(rf"(?P<raised>[{_RAISED}]+)|\^\{{(?P<braced>[^\W_]+|[+−-]\d+)\}}(?![^\W_])")
_INDEX = re.compile(
    rf"(?P<lowered>[{_LOWERED}](?<=[^\W\d_].)[{_LOWERED}]*)(?!\d)"
    r"|_(?<=[^\W\d_]_)\{(?P<braced>\d{1,3})\}(?!\d)"
    r"|_(?:(?<=(?<![^\W_])[A-Z]_)|(?<=(?<![^\W_])[A-Z][a-z]_))(?P<plain>\d{1,3})(?![\d_])"
)


def unmarked(text: Traced) -> Traced:
    """The text without tags, targets of links, escapes and marks of notes, and with one way to write a power.

    10⁶ and 10^{6} become 10^6, and H₂O, H_2O and H_{2}O become H2O; no number becomes another.
    """
    plain = text.text
    if "&" in plain:
        text = text.replace(_ENTITY, lambda match: html.unescape(match[0]))
    if "<" in text.text:
        text = text.replace(_TAG, lambda match: "\n" if match["name"].lower() in _BREAKS else "")
    if "[" in plain:
        text = text.replace(_NOTES, lambda match: "").replace(_LINK, lambda match: "")
    if "\\" in plain:
        text = text.replace(_ESCAPE, lambda match: "")
    if "``" in plain or "''" in plain:
        text = text.replace(_TYPED_MARKS, lambda match: '"')
    if not plain.isascii() or "^" in plain or "_" in plain:
        text = text.replace(_RAISED_NOTES, lambda match: "").replace(_POWER, _power).replace(_INDEX, _index)
    return text


def shown(answer: str) -> str:
    """An answer whose quotation marks are written as such: not as entities, tags or behind a backslash."""
    answer = _ENTITY.sub(lambda match: html.unescape(match[0]), answer)
    answer = _QUOTING.sub(lambda match: "”" if match["end"] else "“", answer)
    return re.sub(r"\\(?=[\"'])", "", answer)


def _power(match: re.Match[str]) -> str:
    said = match["braced"] or unicodedata.normalize("NFKC", match["raised"])
    follows = match.string[match.end() : match.end() + 1]
    return f"^{{{said}}}" if follows.isalnum() else f"^{said}"


def _index(match: re.Match[str]) -> str:
    return match["plain"] or match["braced"] or unicodedata.normalize("NFKC", match["lowered"])

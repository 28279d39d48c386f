"""JSON, and lines of it: the text as it is with letters in place of their codes, and the path of each value."""

from __future__ import annotations

import re
import unicodedata

from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.places import Places

SUFFIXES = (".json", ".jsonl", ".ndjson", ".geojson")
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|.)", re.DOTALL
)
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s"\[\]{},:]++')
_NAME = re.compile(r"[^\W\d]\w*")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOINERS = "\u200c\u200d\u200e\u200f"  # parts of words and of emoji
_MAX_SPOTS = 50_000
_MAX_PATHS = 1 << 25  # characters of a text whose values are told apart
_DEEPEST = 24
_LONGEST_KEY = 60


def json_text(data: bytes, name: str) -> Extract:
    """The text, in which ``\\u00e9`` is é as the file's reader would have it; places give the line and the path."""
    text = _ESCAPE.sub(_letter, plain(data, name).text)
    return Extract(text=text, places=Places(spots=tuple(paths(text)) if len(text) <= _MAX_PATHS else ()))


def _letter(match: re.Match[str]) -> str:
    """The character of a code, where a text can show it."""
    if match[1]:
        character = chr(0x10000 + (int(match[1], 16) - 0xD800 << 10) + int(match[2], 16) - 0xDC00)
    elif match[3]:
        character = chr(int(match[3], 16))
    else:
        return match[0]
    unseen = unicodedata.category(character) in _UNSEEN and character not in _JOINERS
    return match[0] if unseen or character in '"\\' else character


def paths(text: str) -> list[tuple[int, str]]:
    """Where each value begins and its path, such as ``users[3].name``; down to the depth that keeps them few enough."""
    found: list[tuple[int, str, int]] = []
    around: list[
        tuple[str, int | None]
    ] = []  # the path of each value around, and how many it has if it is a list
    deepest, key = _DEEPEST, None
    for match in _TOKEN.finditer(text):
        sign = match[0]
        if sign == ":":
            continue
        if sign in "]}":
            if around:
                around.pop()
            key = None
            continue
        if sign == ",":
            if around and around[-1][1] is not None:
                around[-1] = (around[-1][0], (around[-1][1] or 0) + 1)
            key = None
            continue
        if around and around[-1][1] is None and key is None and sign not in "[{":
            key = _step(sign)
            if len(around) <= deepest:
                found.append((match.start(), around[-1][0] + key, len(around)))
            continue
        path = "" if not around else around[-1][0] + (key or f"[{around[-1][1] or 0}]")
        if key is None and len(around) <= deepest:
            found.append((match.start(), path.lstrip("."), len(around)))
        if sign in "[{":
            around.append((path if len(around) < _DEEPEST else "", 0 if sign == "[" else None))
            key = None
        if len(found) > _MAX_SPOTS and deepest:
            depths = [depth for _, _, depth in found]
            while deepest and sum(depth <= deepest for depth in depths) > _MAX_SPOTS // 2:
                deepest -= 1
            found = [each for each in found if each[2] <= deepest]
        if len(found) > _MAX_SPOTS:
            break
    return [(offset, said.lstrip(".")) for offset, said, _ in found]


def _step(sign: str) -> str:
    key = sign.strip('"')
    if len(key) > _LONGEST_KEY:
        key = f"{key[:_LONGEST_KEY]}…"
    return f".{key}" if _NAME.fullmatch(key) else f'["{key}"]'

"""A page's source made ready for the parser: lines marked, depth and attributes bounded, what is cut off noticed."""

from __future__ import annotations

import re
from collections import Counter

# Noncharacters, which no page may hold, carry the number of the line on which a run of text begins.
_BEGIN, _DIGITS = "\ufdd0", "".join(chr(0xFDD1 + digit) for digit in range(10))
MARK = re.compile(f"{_BEGIN}([{_DIGITS}]+)")
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
_TO_DIGITS = {ord(mark): str(digit) for digit, mark in enumerate(_DIGITS)}
_TO_MARKS = {str(digit): mark for digit, mark in enumerate(_DIGITS)}
_AS_MARKS = str.maketrans(_TO_MARKS)

_TOKEN = re.compile(
    r"[^<]++"
    r"|<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?)*+(?P<close>>|\Z)"
    r"|<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)"
    r"|<(?:[!?]|/[^A-Za-z])[^>]*+(?:>|\Z)"
    r"|.",
    re.DOTALL,
)
_MARKUP = set("!?/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ATTRIBUTE = re.compile(r"([^\s/>=]++)(?:\s*+=\s*+(\"[^\"]*+\"|'[^']*+'|[^\s>]*+))?")
_RAW = {"script", "style", "xmp", "iframe", "noembed", "noframes"}
# An element that is no text of its own carries its line as an attribute.
LINE = "line-of-file"
_NAMES = {
    "lined": "img input math meter progress select textarea",
    "void": "area base br col embed hr img input link meta param source track wbr",
    # These end by themselves when the next one begins, so they are open more often in the source than in the page.
    "self-ending": """html head body p li dt dd option optgroup tr td th tbody thead tfoot colgroup caption rb rt rtc
        rp""",
    "attributes that are read": """alt aria-hidden checked class colspan display encoding hidden href id label media
        multiple name open placeholder popover reversed rowspan selected size src start style type value""",
}
_LINED, _VOID, _SELF_ENDING, _WANTED = (set(names.split()) for names in _NAMES.values())
_DEEPEST = 256
_LONG_TAG = 1 << 12


class Source:
    """The page for the parser. ``cut`` is the line of a tag, comment or script that the file ends in, or None."""

    def __init__(self, page: str, *, xml: bool) -> None:
        self.cut: int | None = None
        self._parts: list[str] = []
        self._line = 1
        self._marked, self._mark = 0, ""
        self._depth = 0
        self._dropped: Counter[str] = Counter()
        self._read(_NONCHARACTERS.sub("", page), xml=xml)
        self.page = "".join(self._parts)
        self._parts.clear()

    def _read(self, page: str, *, xml: bool) -> None:
        at, end = 0, len(page)
        while at < end:
            token = _TOKEN.match(page, at)
            if token is None:  # pragma: no cover - the last alternative takes any character
                break
            at, said = token.end(), token[0]
            if said[0] != "<" or said[1:2] not in _MARKUP:
                self._text(said)
                continue
            if said.startswith("<![CDATA[") and xml:
                self._text(token["data"].replace("&", "&amp;").replace("<", "&lt;"))
                continue
            if at == end and (not said.endswith(">") or token["close"] == ""):
                self.cut = self._line
            lines = said.count("\n")
            if token["name"]:
                self._tag(token, xml=xml)
                name = token["name"].lower()
                if name in _RAW and not token["slash"] and not (xml and said.endswith("/>")):
                    at = self._raw(page, at, name)
            else:
                self._parts.append(said)
            self._line += lines

    def _text(self, text: str) -> None:
        blanks = len(text) - len(text.lstrip())
        if blanks < len(text):
            line = self._line + text.count("\n", 0, blanks)
            if line != self._marked:
                self._marked, self._mark = line, _BEGIN + str(line).translate(_AS_MARKS)
            mark = self._mark
            self._parts += [text[:blanks], mark, text[blanks:]] if blanks else [mark, text]
        else:
            self._parts.append(text)
        self._line += text.count("\n")

    def _raw(self, page: str, at: int, name: str) -> int:
        """What stands in a script or the like is no markup; it goes to the end tag of that name."""
        found = re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE).search(page, at)
        end = found.start() if found else len(page)
        if found is None:
            self.cut = self._line
        if name in ("style", "xmp", "iframe", "noframes") or "math/tex" in page[max(0, at - 200) : at]:
            self._parts.append(page[at:end])
        self._line += page.count("\n", at, end)
        return end

    def _tag(self, token: re.Match[str], *, xml: bool) -> None:
        name, tag = token["name"].lower(), token[0]
        if len(tag) > _LONG_TAG:
            tag = _shortened(token)
        if name in _LINED and not token["slash"]:
            start = len(name) + 1
            tag = f"{tag[:start]} {LINE}={self._line}{tag[start:]}"
        if xml and tag.endswith("/>") and name not in _VOID:
            self._parts.append(f"{tag[:-2]}></{name}>")
            return
        if name in _VOID or name in _SELF_ENDING or tag.endswith("/>"):
            pass
        elif token["slash"]:
            if self._dropped[name]:
                self._dropped[name] -= 1
                tag = "<br>"
            else:
                self._depth = max(0, self._depth - 1)
        elif self._depth >= _DEEPEST:
            self._dropped[name] += 1
            tag = "<br>"
        else:
            self._depth += 1
        self._parts.append(tag)


def _shortened(token: re.Match[str]) -> str:
    """A long tag with the attributes that are read; the others may be a million, or a picture."""
    start = f"<{token['slash']}{token['name']}"
    kept = dict.fromkeys(
        f" {found[1]}={found[2]}" if found[2] else f" {found[1]}"
        for found in _ATTRIBUTE.finditer(token[0], len(start))
        if found[1].lower() in _WANTED
    )
    return f"{start}{''.join(list(kept)[:64])}>"


def line_of(mark: str) -> int:
    """The line that a mark's digits say."""
    return int(mark.translate(_TO_DIGITS))

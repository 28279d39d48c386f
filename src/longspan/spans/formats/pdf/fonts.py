"""Which drawn fonts may be trusted without a table of their characters."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.pdf.objects import entry, items

_NAMES = dict(
    zip(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        "0123456789",
        strict=True,
    )
)
_NAMES |= {
    "space": " ", "period": ".", "comma": ",", "hyphen": "-", "colon": ":", "semicolon": ";", "parenleft": "(",
    "parenright": ")", "slash": "/", "exclam": "!", "question": "?", "percent": "%", "plus": "+", "equal": "=",
    "quotesingle": "'", "quotedbl": '"', "ampersand": "&", "asterisk": "*", "dollar": "$", "at": "@",
}  # fmt: skip


def plain_type3_codes(page: Any) -> frozenset[int]:
    """The codes that, in all Type 3 fonts of a page, draw the glyph that is named after their ASCII character.

    TeX names the glyphs of such a font after their letter or their code, and gives no other table.
    """
    fonts = entry(page, "/Resources", "/Font")
    plain: set[int] = set()
    other: set[int] = set()
    for key in list(fonts or ())[:500]:
        font = entry(fonts, key)
        if entry(font, "/Subtype") != "/Type3":
            if entry(font, "/ToUnicode") is None and entry(font, "/Subtype") == "/Type0":
                return frozenset()
            continue
        code = 0
        for each in items(entry(font, "/Encoding", "/Differences")):
            if isinstance(each, int):
                code = each
                continue
            glyph = str(each).removeprefix("/")
            said = _NAMES.get(glyph) or (glyph if len(glyph) == 1 else "")
            if not said and glyph == f"a{code}" and chr(code).isalnum():
                said = chr(code)
            (plain if said == chr(code) else other).add(code)
            code += 1
    return frozenset(plain - other)


def has_tables(page: Any) -> bool:
    """Whether all fonts of a page with many characters say which these are; else pypdf takes numbers for characters."""
    fonts = entry(page, "/Resources", "/Font")
    return not any(
        entry(fonts, key, "/Subtype") == "/Type0"
        and entry(fonts, key, "/ToUnicode") is None
        and str(entry(fonts, key, "/Encoding")).startswith("/Identity")
        for key in list(fonts or ())[:500]
    )

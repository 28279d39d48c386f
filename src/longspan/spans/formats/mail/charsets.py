"""The charsets that mail names, as mail programs read them."""

from __future__ import annotations

import codecs

_READ_AS = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "big5": "cp950",
}
_NAMES = dict.fromkeys(("unknown-8bit", "x-unknown", "default", "binary"), "utf-8") | {
    "iso-8859-8-i": "iso8859-8"
}


def decoded(data: bytes, charset: str, errors: str = "strict") -> str:
    """The text; UnicodeDecodeError if the bytes do not fit, LookupError if it is no charset of text."""
    label = charset.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_NAMES.get(label, label))
    except (LookupError, ValueError):
        if errors == "strict":
            raise LookupError(f"the charset {charset[:40]} is not known") from None
        found = codecs.lookup("utf-8")
    if not found._is_text_encoding:
        raise LookupError(f"{charset[:40]} is no charset")
    return data.decode(_READ_AS.get(found.name, found.name), errors)

"""In which encoding the bytes of an RTF file stand: by its header, and by the font of a run."""

from __future__ import annotations

import codecs

_BY_HEADER = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_BY_FONT = {
    77: "mac_roman",
    78: "shift_jis",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}


def of_header(word: str) -> str | None:
    """The encoding that a word of the header, such as ``ansi``, stands for."""
    return _BY_HEADER.get(word)


def of_code_page(number: int) -> str | None:
    """The encoding of a code page; None if Python does not know it."""
    name = {10000: "mac_roman", 65001: "utf-8", 936: "gbk", 1361: "johab"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def of_font(charset: int) -> str | None:
    """The encoding of a font's charset; None where that of the file holds."""
    return _BY_FONT.get(charset)


def decoded(data: bytes, encoding: str) -> tuple[str, int]:
    """The text, and how many of its characters are U+FFFD because their bytes do not fit the encoding."""
    try:
        return data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        return text, text.count("\ufffd")

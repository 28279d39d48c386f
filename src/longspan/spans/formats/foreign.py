"""What is said of text that is not UTF-8: what it may be, and a way to convert it that does not spoil it."""

from __future__ import annotations

import base64
import re
import shlex
import unicodedata
from itertools import pairwise

from longspan.errors import DocumentError

_SAMPLE = 1 << 16
# As chardet and as iconv call them. Only these are proposed: rarer ones would come before them in short texts.
_PROPOSED = {
    "cp1252": "WINDOWS-1252",
    "gb18030": "GB18030",
    "cp932": "CP932",
    "cp949": "CP949",
    "big5hkscs": "BIG5-HKSCS",
    "euc_jis_2004": "EUC-JP",
    "koi8-r": "KOI8-R",
    "koi8-u": "KOI8-U",
    "cp1251": "WINDOWS-1251",
    "cp866": "CP866",
    "cp1250": "WINDOWS-1250",
    "cp1253": "WINDOWS-1253",
    "cp1254": "WINDOWS-1254",
    "cp1255": "WINDOWS-1255",
    "cp1256": "WINDOWS-1256",
    "cp1257": "WINDOWS-1257",
    "cp874": "CP874",
    "mac-roman": "MACINTOSH",
}
# (mark, what it is called in iconv): text of seven-bit bytes that is not ASCII.
_ESCAPES = (
    (re.compile(rb"\x1b\$[@B]|\x1b\$\([@BDOPQ]"), "ISO-2022-JP-2"),
    (re.compile(rb"\x1b\$\)C"), "ISO-2022-KR"),
    (re.compile(rb"\x1b\$\)[AGE]|\x1b\$\*H"), "ISO-2022-CN"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_HZ = re.compile(rb"~\{((?:[\x21-\x77][\x21-\x7e])+)~\}")
_UTF7 = re.compile(rb"\+([A-Za-z0-9+/]{3,})-?")


def _convert(name: str, encoding: str, options: str = "") -> str:
    file, copy = shlex.quote(name), shlex.quote(f"{name}.utf8")
    return f"iconv {options}-f {encoding} -t UTF-8 {file} > {copy}"


def _line(data: bytes, at: int) -> str:
    return f"{at:,}, line {data.count(10, 0, at) + 1:,}"


def with_nul(data: bytes, name: str) -> DocumentError:
    """The refusal of data with NUL bytes: UTF-16 or UTF-32 without a mark, text with some NULs, or no text at all."""
    count, first = data.count(0), data.index(0)
    rest = data[:_SAMPLE].replace(b"\0", b"")
    wide = next(filter(lambda encoding: _plausible(data, encoding), _WIDE), "")
    if rest and _mostly_text(rest) and not (wide and count * 5 >= 2 * len(data)):
        file, copy = shlex.quote(name), shlex.quote(f"{name}.txt")
        many = "a NUL byte" if count == 1 else f"{count:,} NUL bytes, the first"
        return DocumentError(
            f"{name} has {many} at {_line(data, first)}: it is binary data, or text that was damaged; if it is "
            f"text, look there, or convert it without them, e.g. tr -d '\\000' < {file} > {copy}"
        )
    if wide:
        said = wide.upper()
        return DocumentError(
            f"{name} seems to be {said} without a byte order mark; convert it, e.g. "
            f"{_convert(name, said.replace('-LE', 'LE').replace('-BE', 'BE'))}"
        )
    return DocumentError(
        f"{name} is binary data, not text (NUL byte at {first:,}); convert it to text, PDF, HTML or docx first"
    )


def _mostly_text(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    odd = text.count("\ufffd")
    odd += sum(not character.isprintable() and character not in "\t\n\r\f\x1b" for character in text)
    return odd * 20 < len(text)


def _plausible(data: bytes, encoding: str) -> bool:
    data = data[: len(data) // 4 * 4] if "32" in encoding else data[: len(data) // 2 * 2]
    try:
        text = data[: _SAMPLE - _SAMPLE % 4].decode(encoding)
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return False
        text = data[: error.start].decode(encoding)
    usual = sum(character.isprintable() or character in "\t\n\r\f" for character in text)
    scripts = {_script(character) for character in text if character.isalpha()}
    return bool(text) and usual >= 0.98 * len(text) and len(scripts - _WITH_HAN) <= 1


_WITH_HAN = {"CJK", "HIRAGANA", "KATAKANA", "LATIN", "HANGUL"}


def escaped_encoding(data: bytes, name: str) -> DocumentError | None:
    """The refusal of text whose bytes are all ASCII and mean something else."""
    if not data.isascii():
        return None
    for mark, encoding in _ESCAPES:
        if found := mark.search(data):
            return _seven_bit(data, name, encoding, found.start())
    if (hz := _HZ.search(data)) and _decodes(hz[0], "hz"):
        return DocumentError(
            f"{name} seems to be Chinese in the encoding HZ, not UTF-8 (see byte {_line(data, hz.start())}); save it "
            "as UTF-8, e.g. from a text editor that reads HZ"
        )
    utf7 = [each for each in _UTF7.finditer(data[:_SAMPLE]) if _is_utf7(each[1])]
    if len(utf7) > 1 or (utf7 and b"+" not in data.replace(utf7[0][0], b"", 1)):
        return _seven_bit(data, name, "UTF-7", utf7[0].start())
    return None


def _seven_bit(data: bytes, name: str, encoding: str, at: int) -> DocumentError:
    return DocumentError(
        f"{name} seems to be {encoding.removesuffix('-2')}, not UTF-8 (see byte {_line(data, at)}); convert it, "
        f"e.g. {_convert(name, encoding)}"
    )


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf7(inside: bytes) -> bool:
    """Whether Base64 between + and - is UTF-16 of letters or signs beyond ASCII, with nothing left over."""
    try:
        units = base64.b64decode(inside + b"=" * (-len(inside) % 4), validate=True)
        text = units[: len(units) // 2 * 2].decode("utf-16-be")
    except ValueError:
        return False
    again = base64.b64encode(text.encode("utf-16-be")).rstrip(b"=")
    return again == inside and bool(text) and all(ord(each) > 127 and each.isprintable() for each in text)


def not_utf8(data: bytes, name: str) -> DocumentError:
    """The refusal of bytes that are not UTF-8, with the encodings that they may be in."""
    text = data.decode("utf-8", "replace")
    stray = text.count("\ufffd")
    first = _first_stray(data)
    where = f"byte 0x{data[first]:02X} at {_line(data, first)}"
    whole = sum(1 for character in text if character > "\x7f") - stray
    if whole >= stray:
        many = "one byte that does not belong" if stray == 1 else f"{stray:,} places that do not belong"
        return DocumentError(
            f"{name} is UTF-8 with {many} to it ({where}); mend the text there in an editor, or leave it out with "
            f"{_convert(name, 'UTF-8', '-c ')}"
        )
    candidates = _candidates(data)
    if not candidates:
        return DocumentError(
            f"{name} is not UTF-8 ({where}), and in no usual encoding it reads as words; if it is text, save it as "
            "UTF-8 from the program that made it"
        )
    said = " or ".join((", ".join(candidates[:-1]), candidates[-1])) if len(candidates) > 1 else candidates[0]
    return DocumentError(
        f"{name} is not UTF-8 ({where}); if it is text, it may be {said}: convert it and look at the result, e.g. "
        f"{_convert(name, candidates[0])}"
    )


def _first_stray(data: bytes) -> int:
    """Where the first byte stands that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _candidates(data: bytes) -> list[str]:
    """What iconv calls the encodings in which the bytes read as words, the likeliest first, at most three."""
    import chardet

    found = chardet.detect_all(_around_high_bytes(data), ignore_threshold=True, compat_names=False)
    likelihood = {each["encoding"]: each["confidence"] for each in found}
    best: dict[
        str, tuple[float, str]
    ] = {}  # by what it reads as: of encodings that read alike, the more usual
    for codec, called in _PROPOSED.items():
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec in likelihood and _reads_as_words(text):
            score, first = best.get(text, (0.0, called))
            best[text] = max(score, likelihood[codec] / (4 if codec == "mac-roman" else 1)), first
    ranked = sorted(best.values(), key=lambda each: -each[0])
    return [called for score, called in ranked if score >= 0.6 * ranked[0][0]][:3]


def _around_high_bytes(data: bytes) -> bytes:
    """The lines that tell: those with bytes beyond ASCII, up to a sample's size."""
    lines, size = [], 0
    for line in data[: 64 * _SAMPLE].splitlines(keepends=True):
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > _SAMPLE:
            break
    return b"".join(lines)[: 2 * _SAMPLE] or data[:_SAMPLE]


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]


def _reads_as_words(text: str) -> bool:
    """Whether words are of one script, begin but do not go on in capitals, and hold no signs of line drawing."""
    odd = words = 0
    for word in re.findall(r"[^\W\d_]*[^\x00-\x7f]+[^\W\d_]*", text[:_SAMPLE]):
        words += 1
        scripts = {_script(letter) for letter in word if letter.isalpha()}
        mixed = len(scripts) > 1 and not scripts <= {
            "CJK",
            "HIRAGANA",
            "KATAKANA",
            "KATAKANA-HIRAGANA",
            "HALFWIDTH",
        }
        strange = any(
            not letter.isprintable() or "\u2500" <= letter <= "\u25ff" or "\ue000" <= letter <= "\uf8ff"
            for letter in word
            if letter not in " \xa0\xad\u3000"
        )
        turned = re.search(r"[^\W\d_a-zA-Z]", word) and any(
            one.islower() and two.isupper() for one, two in pairwise(word)
        )
        odd += bool(mixed or strange or turned)
    return bool(words) and odd * 10 <= words

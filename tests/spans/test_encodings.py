"""Bytes become characters as their writer meant them, or the file is refused with a way that works."""

import subprocess
from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.html import html
from opening import refused, saved


def test_other_encodings_are_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    message = refused(saved(tmp_path / "it's old.txt", "Die Größe".encode("cp1252")))
    assert "0xF6 at 6" in message
    command = message.partition("e.g. ")[2]
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - as a user pastes it
    assert Document.open(tmp_path / "it's old.txt.utf8").text == "Die Größe"


@pytest.mark.parametrize("data", [b"plain words, then a \x00 byte", b"\xff\xfeodd", "a\0b".encode("utf-16")])
@pytest.mark.parametrize("name", ["notes.txt", "page.html"])
def test_binary_files_are_refused_whatever_their_name(tmp_path: Path, data: bytes, name: str) -> None:
    message = refused(saved(tmp_path / name, data))
    assert "binary data" in message
    assert "convert" in message


WORDS = {
    "gb18030": "灯塔看守人在三点离开了，总理说。",
    "big5": "燈塔看守人在三點離開。",
    "cp932": "灯は三時に消えた。",
    "euc_jp": "灯は三時に消えた。",
    "cp949": "등대지기가 말했다.",
    "koi8-r": "Маяк погас в три часа ночи.",
    "cp1251": "Маяк погас в три часа ночи.",
    "cp866": "Маяк погас в три часа ночи.",
    "cp1250": "Łódź nie śpi, źle żyć",
    "cp1252": "Été à la mer, où ça brûle",
    "cp1253": "Ο φάρος έσβησε στις τρεις.",
    "cp1255": "המגדלור כבה בשעה שלוש",
    "cp874": "ผู้ดูแลประภาคาร",
    "mac_roman": "Die Größe café",
    "iso2022_jp": "灯は三時に消えた。",
    "iso2022_kr": "등대지기가 말했다.",
    "utf-7": "Größe und café",
    "utf-16-le": "The lamp went out.\n",
    "utf-16-be": "Лампа погасла.\n",
    "utf-32-le": "The lamp went out.\n",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_the_advice_brings_the_words_back(tmp_path: Path, encoding: str) -> None:
    message = refused(saved(tmp_path / "old.txt", WORDS[encoding].encode(encoding)))
    command = message.partition("e.g. ")[2]
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - as a user pastes it
    assert Document.open(tmp_path / "old.txt.utf8").text == WORDS[encoding]


def test_utf8_with_a_stray_byte_is_told_where_and_not_called_another_encoding(tmp_path: Path) -> None:
    message = refused(saved(tmp_path / "mixed.txt", "Größe\nund café ".encode() + b"na\xefve\n"))
    assert "byte 0xEF at 20, line 2" in message
    assert "WINDOWS" not in message


def test_what_reads_as_words_in_no_encoding_gets_no_command() -> None:
    with pytest.raises(DocumentError, match="in no usual encoding") as caught:
        plain(bytes(range(128, 256)) * 2, "a.txt")
    assert "iconv" not in str(caught.value)


def test_a_nul_byte_is_told_where(tmp_path: Path) -> None:
    message = refused(saved(tmp_path / "a.log", b"start\n" * 100 + b"st\0op\n" + b"end\n" * 100))
    assert "NUL byte at 602, line 101" in message
    subprocess.run(message.partition("e.g. ")[2], shell=True, check=True)  # noqa: S602 - as a user pastes it
    assert "stop" in Document.open(tmp_path / "a.log.txt").text


@pytest.mark.parametrize("data", [b"<p>a\0b</p>", b"The log was cut.\n" + b"\0" * 100])
def test_nul_bytes_in_text_are_no_utf_16(tmp_path: Path, data: bytes) -> None:
    assert "or text that was damaged" in refused(saved(tmp_path / "a.log", data))


@pytest.mark.parametrize("said", ["a+b- c+ABC-d", "~{x~} is a set", "1+2-3", "\x1b[31mred\x1b[0m", "a+AGE-"])
def test_ascii_that_only_looks_escaped_is_read(said: str) -> None:
    assert plain(said.encode(), "a.txt").text == said


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset=koi8-r>", "koi8-r"),
        ("<META CHARSET = 'koi8-r' />", "koi8-r"),
        ("<meta/charset=koi8-r>", "koi8-r"),
        ('<meta content="text/html; charset=koi8-r" http-equiv="Content-Type">', "koi8-r"),
        ("<meta charset=nonsense><meta charset=koi8-r>", "koi8-r"),
        ("<!--> <meta charset=koi8-r> -->", "koi8-r"),
        ('<?xml version="1.0" encoding="koi8-r"?>', "koi8-r"),
        ('<?xml version="1.0" encoding="koi8-r"?><meta charset=utf-8>', "utf-8"),
        ("<!-- <meta charset=koi8-r> --><meta charset=utf-8>", "utf-8"),
        ("<!-- <meta charset=koi8-r> -->", "utf-8"),
        ("<meta name=description content='a; charset=koi8-r'>", "utf-8"),
        ("<meta data-charset=koi8-r>", "utf-8"),
        ("<script>'<meta charset=koi8-r>'</script>", "utf-8"),
        ("<title><meta charset=koi8-r></title>", "utf-8"),
        ("<a title='<meta charset=koi8-r>'></a>", "utf-8"),
        ("</p <meta charset=koi8-r>", "utf-8"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=unicode>", "utf-8"),
        (" " * 1020 + "<meta charset=koi8-r>", "utf-8"),
        ("", "utf-8"),
    ],
)
def test_the_charset_of_a_page_is_the_one_that_browsers_find(head: str, encoding: str) -> None:
    assert html(f"{head}<p>Свет".encode(encoding), "page.html").text.endswith("Свет")


@pytest.mark.parametrize(
    ("label", "codec", "words"),
    [
        ("us-ascii", "cp1252", "“naïve” €"),
        ("iso-8859-1", "cp1252", "“naïve” €"),
        ("latin1", "cp1252", "“naïve” €"),
        ("iso-8859-9", "cp1254", "“İstanbul”"),
        ("tis-620", "cp874", "ผู้ดูแล"),
        ("gb2312", "gb18030", "总理朱镕基说"),
        ("shift_jis", "cp932", "①髙橋～"),
        ("x-sjis", "cp932", "①髙橋～"),
        ("euc-kr", "cp949", "똠방각하"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("big5", "big5hkscs", "燈塔"),
        ("euc-jp", "euc_jp", "灯は三時に消えた。ｶﾅ"),
        ("iso-2022-jp", "iso2022_jp", "灯は三時"),
        ("macintosh", "mac_roman", "naïve"),
        ("windows-1251", "cp1251", "Свет"),
        ("iso-8859-8-i", "iso8859_8", "אור"),
    ],
)
def test_names_mean_what_browsers_mean_by_them(label: str, codec: str, words: str) -> None:
    assert html(f"<meta charset={label}><p>{words}".encode(codec), "page.html").text == words


def test_euc_jp_has_the_signs_that_browsers_know() -> None:
    assert html(b"<meta charset=euc-jp><p>\xad\xa1\xa1\xc1", "page.html").text == "①～"


def test_holes_of_windows_encodings_are_controls_as_browsers_have_them() -> None:
    assert html(b"<meta charset=windows-1252><p>caf\xe9 \x81 end", "page.html").text == "café \x81 end"


@pytest.mark.parametrize("label", ["hz-gb-2312", "iso-2022-kr"])
def test_what_browsers_refuse_is_refused_as_that(label: str) -> None:
    with pytest.raises(DocumentError, match="browsers do not read"):
        html(f"<meta charset={label}><p>x".encode(), "page.html")


@pytest.mark.parametrize(
    ("label", "data"), [("utf-8", b"na\xefve"), ("shift_jis", b"\x81 "), ("windows-1253", b"\xaa")]
)
def test_a_page_that_does_not_fit_its_encoding_is_told_where(label: str, data: bytes) -> None:
    page = f"<meta charset={label}><p>".encode() + data
    with pytest.raises(DocumentError, match=f"does not fit the encoding {label} that it declares .byte 0x"):
        html(page, "page.html")


@pytest.mark.parametrize(
    "label", ["", "<meta charset=nonsense>", "<meta charset='ascii\x1b'>", "<meta charset=zlib>"]
)
def test_a_page_without_a_known_name_is_utf8_or_refused(label: str) -> None:
    assert html(f"{label}<p>Łódź".encode(), "page.html").text == "Łódź"
    with pytest.raises(DocumentError, match=r"is not UTF-8 \(byte 0xEF"):
        html(label.encode() + b"<p>na\xefve", "page.html")

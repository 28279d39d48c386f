"""The numbers that Word gives to paragraphs, and how numbers are written."""

from pathlib import Path

import pytest

from longspan.spans import Document
from longspan.spans.formats.numerals import written
from opening import saved
from wordfile import paragraph, run, word_file


def opened(tmp_path: Path, body: str, **parts: str) -> Document:
    return Document.open(saved(tmp_path / "a.docx", word_file(body, parts)))


def level(depth: int, form: str, text: str, more: str = "") -> str:
    start = f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
    return f'{start}{more}<w:lvlText w:val="{text}"/></w:lvl>'


BULLET = "\uf0b7"
NUMBERING = f"""<w:numbering>
  <w:abstractNum w:abstractNumId="1">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "%1.%2)")}
    {level(2, "upperRoman", "%3", '<w:suff w:val="space"/>')}</w:abstractNum>
  <w:abstractNum w:abstractNumId="2">{level(0, "bullet", BULLET)}</w:abstractNum>
  <w:abstractNum w:abstractNumId="3">{level(0, "decimalZero", "Art. %1", '<w:pStyle w:val="Article"/>')}
    {level(1, "decimal", "§ %1.%2", '<w:isLgl/><w:lvlRestart w:val="0"/>')}</w:abstractNum>
  <w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>
  <w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>
  <w:num w:numId="3"><w:abstractNumId w:val="3"/></w:num>
  <w:num w:numId="4"><w:abstractNumId w:val="1"/>
    <w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
</w:numbering>"""


def item(text: str, listed: int, depth: int = 0) -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{listed}"/></w:numPr>')


def test_automatic_numbers_are_those_that_word_shows(tmp_path: Path) -> None:
    styles = """<w:styles><w:style w:type="paragraph" w:styleId="Article"><w:name w:val="Article"/>
      <w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style></w:styles>"""
    article = '<w:pStyle w:val="Article"/>'
    body = (
        item("Scope", 1) + item("deep", 1, 1) + item("deeper", 1, 2) + item("deep", 1, 1) + item("Payment", 1)
        + item("again", 1, 1) + item("dot", 2) + item("", 2) + item("Seven", 4) + item("Eight", 4) + item("Nine", 1)
        + paragraph("Name", article) + item("one", 3, 1) + paragraph("Seat", article) + item("two", 3, 1)
        + paragraph(run("plain"), article + '<w:numPr><w:numId w:val="0"/></w:numPr>')
        + item(run("gone", "<w:vanish/>"), 1) + item("", 1)
    )  # fmt: skip
    lines = opened(tmp_path, body, numbering=NUMBERING, styles=styles).text.split("\n\n")
    assert lines == [
        "1.\tScope", "1.a)\tdeep", "I deeper", "1.b)\tdeep", "2.\tPayment", "2.a)\tagain", "•\tdot", "7.\tSeven",
        "8.\tEight", "9.\tNine", "Art. 01\tName", "§ 1.1\tone", "Art. 02\tSeat", "§ 2.2\ttwo", "plain", "10.",
    ]  # fmt: skip


NUMERALS = """4 lowerRoman iv; 1994 upperRoman MCMXCIV; 5000 lowerRoman 5000; 28 lowerLetter bb; 0 upperLetter 0;
  30 russianLower аа; 3 ordinal 3rd; 12 ordinal 12th; 21 ordinalText Twenty-first; 30 ordinalText Thirtieth;
  105 cardinalText One hundred five; 7 001,... 007; 21 chineseCounting 二十一; 10 chineseCounting 十;
  105 chineseCountingThousand 一百〇五; 21 japaneseLegal 弐拾壱; 110 japaneseCounting 百十; 3 ideographTraditional 丙;
  20 decimalEnclosedCircle ⑳; 12 ideographDigital 一二; 2 ganada 나; 2 chicago †; 5 chicago **; 5 numberInDash - 5 -"""


@pytest.mark.parametrize("line", NUMERALS.split(";"))
def test_numerals(line: str) -> None:
    number, form, text = line.split(maxsplit=2)
    assert written(int(number), form) == text


def test_numbers_that_are_not_shown() -> None:
    assert written(1, "none") == ""
    assert written(1, "klingon") is None


def test_a_form_of_numbers_that_is_not_known_is_named(tmp_path: Path) -> None:
    document = opened(tmp_path, item("x", 1), numbering=NUMBERING.replace('decimal"', 'klingon"'))
    assert document.text == "1.\tx"
    assert "klingon" in document.notes[0]

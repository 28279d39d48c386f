"""Meaning that Word shows by looks: raised, struck, hidden, ticked, and formulas."""

import re
from pathlib import Path

import pytest

from longspan.spans import Document
from opening import saved
from wordfile import paragraph, run, word_file

RAISED, LOWERED = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
STRUCK, HIDDEN = "<w:strike/>", "<w:vanish/>"


def opened(tmp_path: Path, body: str, **parts: str) -> Document:
    return Document.open(saved(tmp_path / "a.docx", word_file(body, parts)))


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([("10", ""), ("6", RAISED), (" oysters", "")], "10^6 oysters"),
        ([("10", ""), ("1", RAISED), ("2", RAISED), (".", "")], "10^12."),
        ([("10", ""), ("6", RAISED), ("5", "")], "10^{6}5"),
        ([("10", ""), ("6", RAISED), (".5", "")], "10^{6}.5"),
        ([("10", ""), ("-6", RAISED), (" m", "")], "10^-6 m"),
        ([("x", ""), ("n+1", RAISED), ("=", "")], "x^{n+1}="),
        ([("21", ""), ("st", RAISED), (" May", "")], "21st May"),
        ([("m", ""), ("2", LOWERED), ("3", RAISED)], "m_2^3"),
        ([("log", ""), ("10", LOWERED), ("2", "")], "log_{10}2"),
        ([("10", ""), ("6", '<w:position w:val="8"/>'), (" oysters", "")], "10^6 oysters"),
        ([("all of it", RAISED)], "all of it"),
        ([("99", STRUCK), ("88", "")], "~~99~~88"),
        ([("9", STRUCK), ("9", "<w:dstrike/>"), ("88", "")], "~~99~~88"),
        ([("10", STRUCK), ("6", STRUCK + RAISED), ("7", "")], "~~10^{6}~~7"),
        ([("a ", ""), (" b ", STRUCK), ("c", "")], "a  ~~b~~ c"),
        ([("99", '<w:strike w:val="0"/>')], "99"),
        ([("Net price", "<w:caps/>"), ("¹", "")], "Net price¹"),
        ([("si\u00adght 1\u00a0000", "")], "sight 1 000"),
    ],
)
def test_runs_that_look_different_read_differently(
    tmp_path: Path, runs: list[tuple[str, str]], text: str
) -> None:
    assert opened(tmp_path, paragraph("".join(run(*each) for each in runs))).text == text


def test_styles_hide_strike_and_raise_too(tmp_path: Path) -> None:
    styles = """<w:styles>
      <w:style w:type="character" w:styleId="Base"><w:rPr><w:vanish/></w:rPr></w:style>
      <w:style w:type="character" w:styleId="Secret"><w:basedOn w:val="Base"/></w:style>
      <w:style w:type="character" w:styleId="Up"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>
      <w:style w:type="paragraph" w:styleId="Old"><w:rPr><w:strike/></w:rPr></w:style>
      <w:style w:type="character" w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style></w:styles>"""
    body = paragraph(
        run("It is 10") + run("6", '<w:rStyle w:val="Up"/>') + run(" floor 70", '<w:rStyle w:val="Secret"/>')
    )
    body += paragraph(run("99") + run("88", '<w:strike w:val="0"/>'), '<w:pStyle w:val="Old"/>')
    body += paragraph(
        run("seen", '<w:rStyle w:val="Secret"/><w:vanish w:val="0"/>') + run("!", '<w:rStyle w:val="Loop"/>')
    )
    document = opened(tmp_path, body, styles=styles)
    assert document.text == "It is 10^6\n\n~~99~~88\n\nseen!"
    assert document.notes == ("has 1 passage of hidden text that is not read; unhide it to have it read",)


FIELD = '<w:r><w:fldChar w:fldCharType="{}">{}</w:fldChar></w:r>'


def field(instruction: str, result: str | None = None, form: str = "") -> str:
    inside = FIELD.format("begin", form and f"<w:ffData>{form}</w:ffData>")
    inside += f"<w:r><w:instrText>{instruction}</w:instrText></w:r>"
    if result is not None:
        inside += FIELD.format("separate", "") + run(result)
    return inside + FIELD.format("end", "")


TICKED = '<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>'
LIST = '<w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/><w:listEntry w:val="yes"/></w:ddList>'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (field(" FORMCHECKBOX ", form=TICKED) + run(" smoker"), "[x] smoker"),
        (field("FORMCHECKBOX", form=TICKED.replace("<w:checked/>", "")) + run(" smoker"), "[ ] smoker"),
        (field("FORMCHECKBOX", form='<w:checkBox><w:default w:val="1"/></w:checkBox>'), "[x]"),
        (field("FORMDROPDOWN", form=LIST), "yes"),
        (field("FORMTEXT", "Ada", form="<w:textInput/>"), "Ada"),
        (field("FORMTEXT", "Ada", form='<w:textInput><w:default w:val="name"/></w:textInput>'), "Ada"),
        (field('HYPERLINK "https://example.org"', "the log"), "the log"),
        (run("See ") + field(f"IF {field('MERGEFIELD a', 'no')} = 1", "page 3"), "See page 3"),
        ("<w:fldSimple w:instr=' REF a '><w:r><w:t>clause 2</w:t></w:r></w:fldSimple>", "clause 2"),
        (run("up ") + field(r"SYMBOL 224 \f Wingdings"), "up →"),
        (field(r"EQ \f(1,2)"), "1/2"),
        (run("2 ") + field(r"EQ \f(a+b,\r(3,x))"), "2 (a+b)/(√[3]x)"),
        (field(r'EQ \* jc2 \* "Font:MS" \* hps10 \o\ad(\s\up 9(とう),灯)'), "灯(とう)"),
        (field("MACROBUTTON Nothing Click here"), "Click here"),
        (
            FIELD.format("begin", "") + run("kept although the field never ends"),
            "kept although the field never ends",
        ),
        ("<w:r><w:sym w:font='Wingdings' w:char='F0FE'/></w:r>", "☑"),
        ("<w:r><w:sym w:font='Symbol' w:char='F061'/></w:r>", "α"),
        (run("\uf0b3 5", '<w:rFonts w:ascii="Symbol"/>'), "≥ 5"),
        ("<w:r><w:sym w:font='Webdings' w:char='F021'/></w:r>", "[Webdings F021]"),
        ("<w:r><w:sym w:font='House Signs' w:char='F041'/></w:r>", "[House Signs F041]"),
        (
            "<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val='1'/></w14:checkbox></w:sdtPr><w:sdtContent>"
            + run("☒")
            + "</w:sdtContent></w:sdt>"
            + run(" yes"),
            "[x] yes",
        ),
        (
            run("Name: ")
            + "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>"
            + run("Click")
            + run(" here")
            + "</w:sdtContent></w:sdt>",
            "Name: [Click here]",
        ),
        (
            "<w:r><w:t>well</w:t><w:noBreakHyphen/><w:t>known</w:t><w:ptab/><w:softHyphen/><w:t>x</w:t></w:r>",
            "well-known\tx",
        ),
        (
            "<w:r><w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>灯</w:t></w:r></w:rubyBase>"
            "</w:ruby></w:r>",
            "灯(とう)",
        ),
    ],
)
def test_what_a_line_shows_is_in_the_text(tmp_path: Path, content: str, text: str) -> None:
    document = opened(tmp_path, paragraph(run("a ") + content))
    assert document.text.startswith("a")
    assert document.text[1:].strip() == text
    assert len(document.notes) == bool(re.search(r"\[(?:Webdings|House)", text))


def math(name: str, *parts: tuple[str, str], properties: str = "") -> str:
    inside = "".join(
        f"<m:{part}>{content if '<' in content else token(content)}</m:{part}>" for part, content in parts
    )
    return f"<m:{name}><m:{name}Pr>{properties}</m:{name}Pr>{inside}</m:{name}>"


def token(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


HALF = math("f", ("num", "1"), ("den", "2"))
SQUARE = math("sSup", ("e", "x"), ("sup", "2"))


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (HALF, "1/2"),
        (token("3") + HALF, "3 1/2"),
        (HALF + token("m"), "1/2 m"),
        (math("f", ("num", token("a+b")), ("den", HALF)), "(a+b)/(1/2)"),
        (math("f", ("num", "n"), ("den", "k"), properties='<m:type m:val="noBar"/>'), "(n above k)"),
        (token("3") + SQUARE + token("y"), "3x^2 y"),
        (math("sSup", ("e", "10"), ("sup", "-6")), "10^-6"),
        (math("sSup", ("e", HALF), ("sup", token("n+1"))), "(1/2)^{n+1}"),
        (math("sSubSup", ("e", "a"), ("sub", token("ij")), ("sup", "2")), "a_ij^2"),
        (math("sPre", ("sub", "6"), ("sup", "14"), ("e", "C")), "{_6^14}C"),
        (math("rad", ("deg", "3"), ("e", token("x+1"))), "√[3](x+1)"),
        (math("rad", ("deg", ""), ("e", "2"), properties="<m:degHide/>"), "√2"),
        (
            math("nary", ("sub", token("i=1")), ("sup", "n"), ("e", SQUARE), properties='<m:chr m:val="∑"/>'),
            "∑_{i=1}^n x^2",
        ),
        (math("nary", ("sub", "0"), ("sup", "1"), ("e", "x")), "∫_0^1 x"),
        (math("d", ("e", "a"), ("e", "b"), properties='<m:begChr m:val="["/><m:endChr m:val=""/>'), "[a|b"),
        (
            "<m:m><m:mr><m:e><m:r><m:t>1</m:t></m:r></m:e><m:e><m:r><m:t>2</m:t></m:r></m:e></m:mr></m:m>",
            "[1, 2]",
        ),
        (math("func", ("fName", "sin"), ("e", "x")), "sin(x)"),
        (math("limLow", ("e", "lim"), ("lim", token("x→0"))), "lim_{x→0}"),
        (math("acc", ("e", "x"), properties='<m:chr m:val="\u0302"/>'), "x\u0302"),
        (math("bar", ("e", "AB"), properties='<m:pos m:val="top"/>'), "overline(AB)"),
        (math("eqArr", ("e", token("x&amp;=1")), ("e", token("y&amp;=2"))), "x=1; y=2"),
        (math("borderBox", ("e", "9"), properties="<m:strikeH/>"), "~~9~~"),
        (
            "<m:oMath>"
            + "<m:r><w:rPr><w:strike/></w:rPr><m:t>9</m:t></m:r>" * 2
            + "<m:r><m:t>8</m:t></m:r></m:oMath>",
            "~~99~~8",
        ),
    ],
)
def test_formulas_keep_their_meaning_in_one_line(tmp_path: Path, formula: str, text: str) -> None:
    document = opened(tmp_path, paragraph(run("so ") + f"<m:oMath>{formula}</m:oMath>"))
    assert document.text == f"so {text}"


def test_a_formula_does_not_run_into_the_number_before_it(tmp_path: Path) -> None:
    body = paragraph(run("12") + f"<m:oMath>{HALF}</m:oMath>" + run("3"))
    assert opened(tmp_path, body).text == "12 1/2 3"

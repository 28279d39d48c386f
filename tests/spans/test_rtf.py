"""What an RTF file holds is read, in whatever encoding its fonts ask for."""

from pathlib import Path

import pytest

from longspan.spans import Document
from opening import refused, saved

HEAD = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil\fcharset0 Times;}{\f1\fnil\fcharset204 Arial Cyr;}"
    r"{\f2\fnil\fcharset128 MS Gothic;}{\f3\ftech\fcharset2 Symbol;}{\f4\fcharset2 Wingdings;}}{\colortbl;\red0;}"
    r"{\stylesheet{\s0 Normal;}}{\info{\title Secret}{\author Oda}}{\*\generator X;}\f0\fs24 "
)


def opened(tmp_path: Path, body: str | bytes, name: str = "a.rtf") -> Document:
    data = body if isinstance(body, bytes) else body.encode("latin-1")
    return Document.open(saved(tmp_path / name, HEAD.encode() + data + b"}"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            r"The keeper is Andr\'e9 Holm\par and the fee is 40\u8364? a month.\par",
            "The keeper is André Holm\n\nand the fee is 40€ a month.",
        ),
        (
            r"{\f1 \'d1\'ec\'ee\'f2\'f0\'e8\'f2\'e5\'eb\'fc}: {\f2 \'93\'94\'91\'e4\'83A}",
            "Смотритель: 灯台ア",
        ),
        (r"\uc2\u28783\'93\'94\u21488??x \uc0\u23432x \uc1\u-10179?\u-8704?", "灯台x 守x 😀"),
        (r"a{\upr{ansi}{\*\ud{\u23432?}}}b", "a守b"),
        (
            r"\ldblquote He\rquote s\rdblquote\emdash 1\~000\_2 si\-ght\bullet\line x\tab y",
            "“He’s”—1 000-2 sight•\nx\ty",
        ),
        (r"3 x 10{\super 6} oysters, H{\sub 2}O, 10{\up6 -6}", "3 x 10^6 oysters, H_{2}O, 10^-6"),
        (r"\strike 9\b 9\b0\strike0 88 {\striked1 a}b", "~~99~~88 ~~a~~b"),
        (
            r"a {\field{\*\fldinst HYPERLINK x}{\fldrslt the log}}, page {\field{\*\fldinst PAGE}}",
            "a the log, page",
        ),
        (
            r"{\field{\*\fldinst SYMBOL 224 \\f Wingdings}{\fldrslt}} {\field{\*\fldinst EQ \\f(1,2)}{\fldrslt}}",
            "→ 1/2",
        ),
        (
            r"{\field{\*\fldinst FORMCHECKBOX {\*\formfield{\fftype1\ffres1{\*\ffname a}}}}{\fldrslt}} smoker "
            r"{\field{\*\fldinst FORMCHECKBOX {\*\formfield{\fftype1\ffres25\ffdefres0}}}{\fldrslt}}",
            "[x] smoker [ ]",
        ),
        (
            r"{\field{\*\fldinst FORMDROPDOWN {\*\formfield{\fftype2\ffres1{\*\ffl no}{\*\ffl yes}}}}{\fldrslt}}",
            "yes",
        ),
        (
            r"{\pntext\f3\'b7\tab}one\par{\listtext 2.\tab}two\par {\f3 a} {\f4 \'fe\u-3844?}",
            "•\tone\n\n2.\ttwo\n\nα ☑✔",
        ),
        (
            r"\trowd\intbl Day\cell Watch\cell\row\trowd\intbl Mon\par day\cell {\b 1}\cell\row\pard After\par",
            "Day\tWatch\nMon day\t1\n\nAfter",
        ),
        (
            r"{\mmath{\*\moMath{\mr 2}{\mf{\mfPr{\mctrlPr x}}{\mnum{\mr 1}}{\mden{\mr 2}}}}}{\mmathPict{\pict 00}} m",
            "2 1/2 m",
        ),
        (
            r"\mmath x{\*\moMath{\mnary{\mnaryPr{\mchr \u8721?}}{\msub{\mr i=1}}{\msup{\mr n}}{\me{\mr i}}}}",
            "x∑_{i=1}^n i",
        ),
    ],
)
def test_rtf_is_read_as_it_is_shown(tmp_path: Path, body: str, text: str) -> None:
    document = opened(tmp_path, body)
    assert document.text == text
    assert document.notes == ()


def test_notes_headers_and_boxes_follow_the_text(tmp_path: Path) -> None:
    body = (
        r"{\header Case 4711/26\par}{\headerf Case 4711/26}{\footer Signed}40 crowns{\super\chftn}"
        r"{\footnote\pard\plain {\super\chftn} Before tax.} and 20{\footnote Net.}.{\*\atnid A}{\*\atnauthor Ada}"
        r"{\*\annotation{\*\atndate 1} No: 88.}{\shp{\*\shpinst\shpleft0{\sp{\sn a}{\sv 7}}{\shptxt In a box.\par}}"
        r"{\shprslt{\*\do\dptxbx{\dptxbxtext In a box.}}}}{\*\do{\dptxbxtext Old box}}"
        r"{\shp{\*\shpinst{\sp{\sn gtextUNICODE}{\sv DRAFT}}}}\par End"
    )
    assert opened(tmp_path, body).text == (
        "40 crowns[1] and 20[2].[comment 1]\n\nIn a box.\n\nOld box\n\nDRAFT\n\nEnd\n\n[1] Before tax.\n\n[2] Net.\n\n"
        "[comment 1] Ada: No: 88.\n\nHeader: Case 4711/26\n\nFooter: Signed"
    )


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    body = (
        r"a{\*\shppict{\pict\pngblip 8950}}{\nonshppict{\pict 00}}{\v floor 70} {\deleted 99}"
        r"{\object\objemb{\*\objclass Excel.Sheet.12}{\*\objdata 0105}{\result{\pict 00}}}\'81{\pict\bin3 {}}}"
    )
    document = opened(tmp_path, body)
    assert document.text == "a \ufffd"
    assert [note.partition(" that")[0] for note in document.notes] == [
        "has 2 pictures",
        "has 1 passage of hidden text",
        "has 1 deleted passage",
        "has 1 embedded object",
        "has 1 character",
    ]
    assert "Excel.Sheet.12" in document.notes[3]


def test_headings_are_places(tmp_path: Path) -> None:
    document = opened(tmp_path, r"\pard\outlinelevel0 Pay\par\pard Forty crowns.")
    assert document.describe(document.text.index("Forty")).endswith("under “Pay”")


def test_rtf_is_known_by_its_content(tmp_path: Path) -> None:
    for name in ("letter.doc", "letter.txt", "letter", "page.html"):
        assert opened(tmp_path, "text", name).text == "text"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (r"{\rtf1 cut", "is cut off"),
        (r"{\rtf1 \bin99 x}", "is cut off"),
        (r"{\rtf1 one} and more", "goes on after its end"),
        (r"{\rtf1 " + "{" * 20_000, "groups are more than"),
        (r"{\rtf1 a" + "\\", "middle of a control word"),
        (r"{\rtf1{\*\moMath" + r"{\me" * 900 + "}" * 902, "groups deep"),
    ],
)
def test_damaged_rtf_is_refused_in_one_line(tmp_path: Path, data: str, reason: str) -> None:
    assert reason in refused(saved(tmp_path / "a.rtf", data.encode()))

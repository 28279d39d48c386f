"""OpenDocument: numbers of lists and headings, charts and formulas, one XML, bounds."""

import io
import zipfile
from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from opening import refused, saved

SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{end}:1.0"'
    for name, end in {
        "office": "office",
        "text": "text",
        "table": "table",
        "style": "style",
        "draw": "drawing",
        "chart": "chart",
        "form": "form",
        "xlink": "xlink",
    }.items()
)
MATH = "http://www.w3.org/1998/Math/MathML"


def flat(body: str, styles: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>\n<office:document {SPACES}><office:styles>{styles}</office:styles>'
        f"<office:body>{body}</office:body></office:document>"
    ).encode()


def packed(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


def content(body: str) -> str:
    return f"<office:document-content {SPACES}><office:body>{body}</office:body></office:document-content>"


def text_of(body: str, styles: str = "") -> str:
    return Document.of(flat(f"<office:text>{body}</office:text>", styles), "a.fodt").text


def test_lists_and_headings_have_the_numbers_that_are_shown() -> None:
    levels = "".join(
        f'<text:{{kind}} text:level="{level}" style:num-format="{form}" style:num-suffix="." '
        f'text:display-levels="{level}"/>'
        for level, form in ((1, "1"), (2, "a"))
    )
    styles = (
        f"<text:outline-style>{levels.format(kind='outline-level-style')}</text:outline-style>"
        f'<text:list-style style:name="L">{levels.format(kind="list-level-style-number")}</text:list-style>'
    )
    item = "<text:list-item><text:p>{}</text:p></text:list-item>"
    inner = f"<text:list>{item.format('x')}{item.format('y')}</text:list>"
    body = (
        '<text:h text:outline-level="1">One</text:h><text:h text:outline-level="2">Deep</text:h>'
        '<text:h text:outline-level="1">Two</text:h>'
        f'<text:list text:style-name="L">{item.format("p")}<text:list-item><text:p>q</text:p>{inner}'
        "</text:list-item></text:list>"
        f'<text:list text:style-name="L">{item.format("again")}</text:list>'
        f'<text:list text:style-name="L" text:continue-numbering="true">{item.format("on")}</text:list>'
    )
    assert text_of(body, styles).split("\n\n") == [
        "1. One",
        "1.a. Deep",
        "2. Two",
        "1. p",
        "2. q",
        "2.a. x",
        "2.b. y",
        "1. again",
        "2. on",
    ]


def test_formulas_charts_and_controls_are_read() -> None:
    half = f'<math xmlns="{MATH}"><mfrac><mn>1</mn><mn>2</mn></mfrac></math>'
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    row = f"<table:table-row>{cell.format('East')}{cell.format('7')}</table:table-row>"
    chart = (
        "<office:chart><chart:chart><chart:title><text:p>Sales</text:p></chart:title>"
        f"<table:table>{row}</table:table></chart:chart></office:chart>"
    )
    body = (
        '<office:text><office:forms><form:form><form:checkbox form:id="c" form:label="agreed" '
        'form:current-state="checked"/></form:form></office:forms>'
        '<text:p>a<draw:frame><draw:object xlink:href="./Object%201"/></draw:frame></text:p>'
        '<text:p>b<draw:frame><draw:object xlink:href="./Chart"/></draw:frame></text:p>'
        '<text:p>c<draw:control draw:control="c"/></text:p></office:text>'
    )
    data = packed(
        {"content.xml": content(body), "Object 1/content.xml": half, "Chart/content.xml": content(chart)}
    )
    lines = Document.of(data, "a.odt").text.split("\n\n")
    assert lines == [
        "a",
        "1/2",
        "b",
        "Sales",
        "East\t7",
        "c",
        "[x] agreed",
    ]


def test_a_cell_that_is_repeated_without_end_is_bounded() -> None:
    row = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384">'
        "<text:p>x</text:p></table:table-cell></table:table-row>"
    )
    body = f"<office:spreadsheet><table:table table:name='T'>{row}</table:table></office:spreadsheet>"
    with pytest.raises(DocumentError, match=r"a sheet has more than [\d,]+ cells"):
        Document.of(flat(body), "a.fods")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"a": "b"}, "its part content.xml is missing"),
        ({"content.xml": "<x/>"}, "it has no text, sheets, slides or drawing"),
        ({"content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}, "declares entities"),
        (
            {"content.xml": "<x/>", "META-INF/manifest.xml": "<m><encryption-data/></m>"},
            "has a password; remove it in the program it is from",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, parts: dict[str, str], said: str) -> None:
    assert said in refused(saved(tmp_path / "a.odt", packed(parts)))

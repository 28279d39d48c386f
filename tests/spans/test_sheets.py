"""Workbooks: what cells show, where they stand, and what is bounded."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.sheets.numbers import shown, shown_text
from opening import refused, saved
from workbooks import with_shared_strings

SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (-5, "0_);(0)", "(5)"),
        (0, '0;-0;"none"', "none"),
        (0.125, "0.0%", "12.5%"),
        (1234567, '0.0,,"M"', "1.2M"),
        (5551234, "000-0000", "555-1234"),
        (3.25, "# ?/?", "3 1/4"),
        (0.375, "# ?/8", "3/8"),
        (12345, "0.00E+00", "1.23E+04"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (150, '[>100]"big";"small"', "big"),
        (-0.001, "0.00", "0.00"),
        (0.1 + 0.2, "General", "0.3"),
        (12, 'General" m"', "12 m"),
        (45355, "dd.mm.yyyy", "04.03.2024"),
        (45355.75, "d mmm yyyy h:mm AM/PM", "4 Mar 2024 6:00 PM"),
        (45355.5, 'yyyy"年"m"月"d"日"', "2024年3月4日"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (59.0, "d mmmm yyyy", "28 February 1900"),
        (0.9999999, "hh:mm:ss", "00:00:00"),
        (-1, "dd.mm.yyyy", "-1"),
        (5, ";;;", ""),
        (7, "0" * 2000, "7".zfill(1000)),
    ],
)
def test_numbers_are_shown_as_in_their_cells(number: float, code: str, text: str) -> None:
    assert shown(number, code) == text


def test_texts_have_a_part_of_their_own() -> None:
    assert shown_text("Ada", '0;-0;0;"Ms. "@') == "Ms. Ada"
    assert shown_text("Ada", "0.00") == "Ada"


def book(change: Callable[[str], str] = lambda xml: xml, part: str = SHEET) -> bytes:
    """A workbook with one cell, one of whose parts is changed."""
    made, first, second = Workbook(), io.BytesIO(), io.BytesIO()
    made.active["A1"] = "lamp"
    made.save(first)
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(second, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()).encode() if name == part else content)
    return second.getvalue()


def rows(xml: str) -> Callable[[str], str]:
    return lambda sheet: sheet[: sheet.index("<sheetData>")] + f"<sheetData>{xml}</sheetData></worksheet>"


def test_formulas_without_values_are_named_and_shared_ones_follow_their_cell() -> None:
    data = book(
        rows(
            '<row r="1"><c r="A1"><f t="shared" ref="A1:A3" si="0">B1*2</f></c><c r="B1"><v>4</v></c></row>'
            '<row r="2"><c r="A2"><f t="shared" si="0"/></c><c r="C2" t="b"><v>1</v></c></row>'
            '<row r="3"><c r="A3"><f t="shared" si="0"/><v>8</v></c><c t="e"><v>#REF!</v></c></row>'
        )
    )
    assert Document.of(data, "a.xlsx").text == "Sheet: Sheet\n=B1*2\t4\n=B2*2\t\tTRUE\n8\t#REF!"


def test_cells_under_a_merged_one_and_values_that_a_format_hides_are_named() -> None:
    merged = '<mergeCells><mergeCell ref="A1:B2"/></mergeCells></worksheet>'
    data = book(
        lambda xml: rows(
            '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row><row r="2"><c r="B2"><v>3</v></c></row>'
        )(xml).replace("</worksheet>", merged)
    )
    found = Document.of(data, "a.xlsx")
    assert found.text.endswith("\n1")
    assert "2 cells under merged ones that are not read (“Sheet, B1: 2”, “Sheet, B2: 3”)" in found.notes[0]


@pytest.mark.parametrize(
    "change",
    [
        rows('<row r="1"><c r="A1" t="s"><v>99</v></c></row>'),
        rows('<row r="1"><c r="XFD1"><v>1</v></c><c><v>2</v></c></row>'),
        rows(
            "".join(f'<row r="{n}"><c r="{c}{n}"><v>1</v></c></row>' for n, c in enumerate(["A", "B"], 1))
            + "<row"
        ),
        lambda xml: '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + xml.replace("<sheetData>", "<sheetData>&a;"),
    ],
)
def test_a_damaged_sheet_is_one_line(tmp_path: Path, change: Callable[[str], str]) -> None:
    assert "cannot be read as xlsx (" in refused(saved(tmp_path / "a.xlsx", book(change)))


def test_a_text_that_all_cells_repeat_is_bounded() -> None:
    """A megabyte that a thousand cells show is a gigabyte of text."""
    many = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 1001))
    one = io.BytesIO(with_shared_strings(book()))
    two = io.BytesIO()
    with zipfile.ZipFile(one) as old, zipfile.ZipFile(two, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name).replace(b"lamp", b"x" * 2**20)
            new.writestr(name, rows(many)(content.decode()).encode() if name == SHEET else content)
    with pytest.raises(DocumentError, match="more than 268,435,456 characters"):
        Document.of(two.getvalue(), "a.xlsx")

"""The words of a PDF page: no number changes, and what belongs together stands together."""

import pytest

from longspan.errors import DocumentError
from longspan.spans.formats.pdf import pdf
from pdfs import FULL_PAGE_IMAGE, cid_font, pages, shown


def text(content: str, **options) -> str:
    return pdf(pages([content], **options), "a.pdf").text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("(3 x 10) Tj /F1 7 Tf 5 Ts (6) Tj 0 Ts /F1 12 Tf ( oysters) Tj", "3 x 10^6 oysters"),
        ("(10) Tj 5 Ts (6) Tj 0 Ts ( oysters) Tj", "10^6 oysters"),
        ("(3 x 10) Tj /F1 8 Tf 32.7 5 Td (6) Tj /F1 12 Tf 4.5 -5 Td ( oysters) Tj", "3 x 10^6 oysters"),
        ("(H) Tj /F1 8 Tf -3 Ts (2) Tj 0 Ts /F1 12 Tf ( only) Tj", "H_2 only"),
        ("(the 1) Tj /F1 8 Tf 4 Ts (st) Tj 0 Ts /F1 12 Tf ( of May) Tj", "the 1st of May"),
        ("(x) Tj /F1 8 Tf 4 Ts (n+1) Tj 0 Ts /F1 12 Tf ( is) Tj", "x^{n+1} is"),
        ("(Add 3) Tj /F1 7 Tf 5 Ts (1) Tj 0 Ts /F1 12 Tf (/) Tj /F1 7 Tf -2 Ts (2) Tj", "Add 3 1/2"),
    ],
)
def test_what_is_raised_or_lowered_is_marked(content: str, said: str) -> None:
    assert text(f"BT /F1 12 Tf 72 700 Td {content} ET") == said


def test_an_initial_is_no_measure() -> None:
    content = "BT /F1 36 Tf 72 676 Td (T) Tj ET " + shown("he keeper lit the", "lamp at three", at=(96, 700))
    assert text(content) == "The keeper lit the\nlamp at three"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"Ren\264e Dupr\264e", "René Dupré"),
        (r"It\264s the d\264accord, don\264t, l\264eau", "It´s the d´accord, don´t, l´eau"),
        (r"cost \250 or \264 alone", "cost ¨ or ´ alone"),
    ],
)
def test_accents_join_their_letters(line: str, said: str) -> None:
    assert text(shown(line)) == said


def test_accents_drawn_over_a_letter_join_it() -> None:
    over = r"BT /F1 12 Tf 72 700 Td [(Ren)] TJ [(\264)333(e) -278 (na)(\250)333(i)(ve Gar) (c) 500 (\270) (on)] TJ ET"
    assert text(over) == "René naïve Garçon"


def test_overprinted_words_stand_once() -> None:
    assert text("".join(shown("High voltage", at=(72 + step, 700)) for step in (0, 1))) == "High voltage"


def test_a_line_through_words_strikes_them_and_one_under_them_does_not() -> None:
    words = shown("The price is 9988 crowns")
    assert text(f"{words} 1 w 135 704 m 148 704 l S") == "The price is ~~99~~88 crowns"
    assert text(f"{words} 1 w 135 698 m 160 698 l S") == "The price is 9988 crowns"


def test_labels_and_values_drawn_apart_stand_together() -> None:
    labels = shown("Name of vessel:", "Home port:", "Tonnage:")
    values = shown("Corrie Jane", "Vessry", "88", at=(250, 700))
    assert text(labels + values) == "Name of vessel:\tCorrie Jane\nHome port:\tVessry\nTonnage:\t88"


@pytest.mark.parametrize("by_columns", [False, True])
def test_cells_of_one_sign_stay_in_their_row(by_columns: bool) -> None:
    rows = [("Name", "Qty", "Price"), ("Lamp", "2", "40"), ("Oil", "13", "7")]
    cells = [(column, row) for row in range(3) for column in range(3)]
    drawn = (
        shown(rows[row][column], at=(72 + 150 * column, 700 - 20 * row))
        for column, row in (sorted(cells) if by_columns else cells)
    )
    assert [line.split() for line in text("".join(drawn)).split("\n")] == [list(row) for row in rows]


def test_columns_of_prose_stay_columns() -> None:
    lines = [f"This is a line of prose, the one of number {number}." for number in range(3)]
    columns = shown(*lines, at=(50, 700), size=8) + shown(*lines, at=(310, 700), size=8)
    assert text(columns) == "\n".join(lines * 2)


@pytest.mark.parametrize("page", ["", "/Rotate 90", "/Rotate 180"])
def test_turned_pages_keep_their_order(page: str) -> None:
    assert text(shown("The lamp", "was lit."), page=page) == "The lamp\nwas lit."


def test_text_that_runs_upwards_is_a_line() -> None:
    assert text("BT /F1 1 Tf 0 12 -12 0 100 100 Tm (Read me up) Tj ET") == "Read me up"


def test_a_hyphen_at_a_line_end_and_its_line_end_stay() -> None:
    assert text(shown(r"the light\255", "house was")) == "the light-\nhouse was"
    assert text(shown("1914-", "1918")) == "1914-\n1918"


def test_what_forms_draw_is_read() -> None:
    form = (
        "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >>",
        shown("inside"),
    )
    drawn = text(
        "/Fm0 Do " + shown("outside", at=(72, 600)),
        resources="/XObject << /Fm0 110 0 R >>",
        objects={110: form},
    )
    assert drawn == "inside\noutside"


def coded(font: dict, content: str = "<000100020003>") -> bytes:
    return pages([f"BT /F1 12 Tf 72 700 Td {content} Tj ET"], objects=font)


def test_codes_with_a_table_are_read() -> None:
    assert pdf(coded(cid_font(to_unicode="0001 0054 0002 0068 0003 0065")), "a.pdf").text == "The"
    # Hebrew, drawn from left to right as it is seen.
    assert pdf(coded(cid_font(to_unicode="0001 05DD 0002 05D5 0003 05DC")), "a.pdf").text == "לום"
    assert (
        pdf(coded(cid_font(encoding="/90ms-RKSJ-H", ordering="Japan1"), "<93FA967B8CEA>"), "a.pdf").text
        == "日本語"
    )


def simple(subtype: str, differences: str) -> dict:
    return {
        3: f"<< /Type /Font /Subtype /{subtype} /BaseFont /XYZ+Foo /FirstChar 65 /LastChar 67 /Widths [600 600 600] "
        "/FontBBox [0 0 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << /A 110 0 R >> "
        f"/Encoding << /Type /Encoding /Differences [65 {differences}] >> >>",
        110: ("", "600 0 d0 0 0 500 500 re f"),
    }


@pytest.mark.parametrize(
    "font",
    [
        cid_font(),
        cid_font(to_unicode="0001 0054"),
        cid_font(to_unicode="0001 FFFD 0002 E001 0003 E002"),
        cid_font(encoding="/Identity-V"),
        simple("Type1", "/g37 /g38 /g39"),
        simple("Type3", "/a1 /a2 /a3"),
    ],
)
def test_codes_without_meaning_are_never_taken_for_text(font: dict) -> None:
    content = "(ABC)" if "/Differences" in font[3] else "<000100020003>"
    with pytest.raises(DocumentError, match=r"do(es)? not say which characters|neither be drawn") as caught:
        pdf(coded(font, content), "a.pdf")
    assert "\n" not in str(caught.value)


def test_drawn_fonts_with_plain_names_are_read() -> None:
    assert pdf(coded(simple("Type3", "/A /B /C"), "(ABC)"), "a.pdf").text == "ABC"
    assert pdf(coded(simple("Type3", "/a65 /a66 /a67"), "(ABC)"), "a.pdf").text == "ABC"
    assert pdf(coded(simple("Type1", "/eacute /uni0416 /fi"), "(ABC)"), "a.pdf").text == "éЖfi"


def test_one_page_without_meaning_is_named() -> None:
    fonts = "/Font << /F1 3 0 R /F2 120 0 R >>"
    both = {120: cid_font()[3], **{number: part for number, part in cid_font().items() if number >= 100}}
    found = pdf(
        pages([shown("Readable."), "BT /F2 12 Tf 72 700 Td <00370048> Tj ET"], objects=both, resources=fonts),
        "a.pdf",
    )
    assert found.text == "Readable.\n"
    assert "on page 2" in found.notes[0]
    assert "OCR" in found.notes[0]


def test_a_scan_with_a_stamp_is_no_page_of_text() -> None:
    stamped = FULL_PAGE_IMAGE + shown("Exhibit 7 - page 2 of 3")
    assert pdf(pages([shown("The keeper is Ada Holm."), stamped]), "a.pdf").places.pictures == (2,)
    with pytest.raises(DocumentError, match="OCR"):
        pdf(pages([stamped, stamped]), "a.pdf")


def test_the_hidden_text_of_ocr_and_words_over_a_background_are_text() -> None:
    assert (
        pdf(pages([FULL_PAGE_IMAGE + "BT 3 Tr /F1 12 Tf 72 700 Td (read) Tj ET"]), "a.pdf").places.pictures
        == ()
    )
    much = shown(*["This page has a picture behind all of its many words."] * 4)
    assert pdf(pages([FULL_PAGE_IMAGE + much]), "a.pdf").places.pictures == ()

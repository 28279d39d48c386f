"""What a PDF file holds besides the words on its pages is read, or named, or the file is refused."""

import zlib

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.pdf import pdf
from opening import saved
from pdfs import cid_font, pages, shown

FORM = "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >>"


def widget(field: str, rect: str = "[200 690 350 710]") -> dict:
    return {110: f"<< /Type /Annot /Subtype /Widget /F 4 /Rect {rect} {field} >>"}


def with_annotation(objects: dict, content: str = "", **options):
    return pdf(
        pages([content or shown("Amount claimed:")], objects=objects, page="/Annots [110 0 R]", **options),
        "a.pdf",
    )


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("/FT /Tx /T (amount) /V (4 711 EUR)", "Amount claimed:\t4 711 EUR"),
        (r"/FT /Tx /T (amount) /V (\376\377\000\344\000\366)", "Amount claimed:\täö"),
        ("/Parent 111 0 R", "Amount claimed:\t88"),
        ("/FT /Ch /T (land) /V (DE) /Opt [[(FR) (France)] [(DE) (Germany)]]", "Amount claimed:\tGermany"),
        ("/FT /Ch /T (land) /V [(a) (b)] /Opt [(a) (b) (c)]", "Amount claimed:\ta, b"),
        ("/FT /Btn /T (paid) /AS /Yes /V /Yes", "Amount claimed:\t[x]"),
        ("/FT /Btn /T (paid) /AS /Off /V /Off", "Amount claimed:\t[ ]"),
        ("/FT /Btn /Ff 32768 /T (way) /AS /Off /V /Post", "Amount claimed:\t[ ]"),
        ("/FT /Tx /T (amount) /V (4711) /AP << /N 112 0 R >>", "Amount claimed:\t4711 (shown as: 4,711.00)"),
        ("/FT /Tx /T (amount) /AP << /N 112 0 R >>", "Amount claimed:\t4,711.00"),
        ("/FT /Tx /T (amount) /V (4, 711.00) /AP << /N 112 0 R >>", "Amount claimed:\t4, 711.00"),
        ("/FT /Tx /T (amount) /RV (<body><p>rich 12</p></body>)", "Amount claimed:\trich 12"),
        ("/FT /Tx /T (amount) /V <FEFF0034003731>", "Amount claimed:\t47\ufffd"),
    ],
)
def test_the_values_of_fields_stand_where_they_are_seen(field: str, said: str) -> None:
    objects = widget(field) | {
        111: "<< /FT /Tx /T (above) /V (88) /Kids [110 0 R] >>",
        112: (
            "/Type /XObject /Subtype /Form /BBox [0 0 99 20] /Resources << /Font << /F1 3 0 R >> >>",
            shown("4,711.00"),
        ),
    }
    assert with_annotation(objects).text == said


def test_a_value_with_no_words_beside_it_brings_its_name() -> None:
    found = with_annotation(
        widget("/FT /Tx /T (amount) /TU (Amount claimed) /V (88)", "[200 90 350 110]"), shown("Form")
    )
    assert found.text == "Form\nAmount claimed: 88"


def test_a_field_on_no_page_is_read_and_a_hidden_one_is_named() -> None:
    form = "/AcroForm << /Fields [120 0 R] >>"
    found = with_annotation(
        {**widget("/FT /Tx /T (seen) /V (1)"), 120: "<< /FT /Tx /T (alone) /V (4711) >>"}, catalogue=form
    )
    assert found.text.endswith("\nalone: 4711")
    hidden = with_annotation({110: "<< /Subtype /Widget /F 2 /FT /Tx /T (secret) /V (7) /Rect [0 0 9 9] >>"})
    assert "7" not in hidden.text
    assert "secret" in hidden.notes[0]


QUAD = "/QuadPoints [72 712 115 712 72 698 115 698]"


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("/Subtype /FreeText /Contents (Moved to 14 March)", "Moved to 14 March"),
        ("/Subtype /Text /T (Ada) /Contents (use 88)", "[note by Ada: use 88]"),
        ("/Subtype /Text /IRT 111 0 R /Contents (agreed)", "[answer: agreed]"),
        (
            f"/Subtype /Highlight {QUAD} /Contents (why?)",
            "[note: highlighted: “Amount”; why?]",
        ),
        (f"/Subtype /StrikeOut {QUAD}", "[note: struck out: “Amount”]"),
        ("/Subtype /Stamp /Name /Approved", "[note: Approved]"),
        ("/Subtype /FreeText /RC (<body><p>rich 12</p></body>)", "rich 12"),
        ("/Subtype /Watermark /Contents (Void)", "Void"),
    ],
)
def test_notes_are_read(note: str, said: str) -> None:
    objects = {110: f"<< /Type /Annot /Rect [0 0 9 9] {note} >>", 111: "<< /Subtype /Text >>"}
    assert with_annotation(objects).text == f"Amount claimed:\n{said}"


def test_links_and_popups_add_nothing_and_films_are_named() -> None:
    assert with_annotation({110: "<< /Subtype /Popup /Contents (twice) >>"}).text == "Amount claimed:"
    assert "1 film" in with_annotation({110: "<< /Subtype /Movie >>"}).notes[0]


def xfa(data: str, more: str = "") -> bytes:
    catalogue = f"/AcroForm << /XFA [(datasets) 130 0 R] >> {more}"
    return pages([shown("Please wait...")], catalogue=catalogue, objects={130: ("", data)})


def test_the_data_of_an_xfa_form_is_read_or_the_form_is_refused() -> None:
    data = '<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><form><Name>Ada</Name><sum>4711</sum></form></xfa:data></xfa:datasets>'
    found = pdf(xfa(data, "/NeedsRendering true"), "a.pdf")
    assert found.text == "Please wait...\nName: Ada\nsum: 4711"
    assert "XFA" in found.notes[0]
    with pytest.raises(DocumentError, match="XFA"):
        pdf(xfa("<a/>", "/NeedsRendering true"), "a.pdf")


def test_attached_text_is_read_as_pages_of_its_own_and_other_files_are_named(tmp_path) -> None:
    catalogue = "/Names << /EmbeddedFiles << /Names [(a) 130 0 R] >> >> /AF [132 0 R 130 0 R]"
    objects = {
        130: "<< /Type /Filespec /F (annex.txt) /EF << /F 131 0 R >> >>",
        131: ("/Type /EmbeddedFile", "The fine is 500.\n"),
        132: "<< /Type /Filespec /F (sheet.xlsx) /EF << /F 133 0 R >> >>",
        133: ("/Type /EmbeddedFile", "PK"),
    }
    data = pages([shown("See the annex.")], catalogue=catalogue, objects=objects)
    document = Document.open(saved(tmp_path / "a.pdf", data))
    assert document.describe(document.text.index("500")).endswith("page 2 (annex.txt), line 2")
    assert "sheet.xlsx" in document.notes[0]


LAYERS = "/OCProperties << /OCGs [120 0 R 121 0 R] /D << {} >> >>"
GROUPS = {
    120: "<< /Type /OCG /Name (Draft) >>",
    121: "<< /Type /OCG /Name (Final) >>",
    122: "<< /Type /OCMD /OCGs [120 0 R] /P /AllOff >>",
    4: (
        "/Type /XObject /Subtype /Form /OC 120 0 R /BBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >>",
        shown("form", at=(72, 500)),
    ),
}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("/OFF [120 0 R]", "99\nfinal\nif off"),
        ("/BaseState /OFF /ON [121 0 R]", "99\nfinal\nif off"),
        ("", "99\ndraft\nfinal\nform"),
    ],
)
def test_layers_that_are_switched_off_are_named_and_not_read(setting: str, said: str) -> None:
    content = shown("99")
    for layer, words in (("A", "draft"), ("B", "final"), ("C", "if off")):
        content += f"/OC /{layer} BDC {shown(words, at=(72, 680 - 20 * ord(layer) % 60))} EMC "
    found = pdf(
        pages(
            [content + "/Im0 Do"],
            catalogue=LAYERS.format(setting),
            objects=GROUPS,
            resources="/Properties << /A 120 0 R /B 121 0 R /C 122 0 R >>",
        ),
        "a.pdf",
    )
    assert sorted(found.text.split("\n")) == sorted(said.split("\n"))
    assert "Draft" in found.notes[0]


def test_page_labels_are_told(tmp_path) -> None:
    labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D /P (A-) >>] >>"
    data = pages([shown(word) for word in ("Preface", "Contents", "Chapter")], catalogue=labels)
    document = Document.open(saved(tmp_path / "a.pdf", data))
    assert document.places.page_labels == ("i", "ii", "A-1")
    assert document.describe(document.text.index("Chapter")).endswith("page 3 (A-1), line 1")


@pytest.mark.parametrize("keep", [0.3, 0.8])
def test_a_damaged_page_is_refused_not_read_in_part(keep: float) -> None:
    packed = zlib.compress(
        shown(*(f"Line {number} of {number * 7919 % 1000}" for number in range(60))).encode()
    )
    cut = {11: ("/Filter /FlateDecode", packed[: int(keep * len(packed))])}
    with pytest.raises(DocumentError, match=r"on page 1 .*(damaged|unpack)"):
        pdf(pages([""], objects=cut), "a.pdf")
    spoilt = {11: ("/Filter /FlateDecode", packed[:20] + bytes(20) + packed[40:])}
    with pytest.raises(DocumentError, match="on page 1"):
        pdf(pages([""], objects=spoilt), "a.pdf")
    with pytest.raises(DocumentError, match="content is missing"):
        pdf(pages([""], objects={11: "null"}), "a.pdf")


@pytest.mark.parametrize("table", [f"<0026> <{'0041' * 1000}>", "<0026> <0041>\n" * 400_000])
def test_a_table_of_characters_without_end_is_refused_as_that(table: str) -> None:
    head = "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar "
    packed = "/Filter /FlateDecode", zlib.compress((head + table + " endbfchar endcmap").encode())
    objects = cid_font(to_unicode="0026 0041") | {102: packed}
    with pytest.raises(
        DocumentError, match="table of characters of a font on it is larger than any alphabet"
    ):
        pdf(pages(["BT /F1 12 Tf 72 700 Td <0026> Tj ET"], objects=objects), "a.pdf")


def test_forms_that_draw_themselves_or_without_end_are_refused() -> None:
    inside = FORM.replace(" >> >>", " >> /XObject << /Im0 4 0 R /X 200 0 R >> >>")
    with pytest.raises(DocumentError, match="draws itself"):
        pdf(pages(["/Im0 Do"], objects={4: (inside, "/Im0 Do /Im0 Do")}), "a.pdf")
    chain = {4: (inside, "/X Do " * 9)} | {
        number: (inside.replace("/X 200", f"/X {number + 1}"), "/X Do " * 9) for number in range(200, 210)
    }
    with pytest.raises(DocumentError, match="more than 20,000 times"):
        pdf(pages(["/Im0 Do"], objects=chain | {210: (FORM, shown("deep"))}), "a.pdf")

"""What stands outside the paragraphs of a Word file: notes, comments, headers, drawings, embedded files."""

import io
import zipfile
from pathlib import Path

import pytest

from longspan.spans import Document
from opening import refused, saved
from wordfile import paragraph, run, word_file


def opened(tmp_path: Path, body: str, parts: dict[str, str | bytes] | None = None) -> Document:
    return Document.open(saved(tmp_path / "a.docx", word_file(body, parts)))


def reference(kind: str, name: str) -> str:
    return f'<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:{kind}Reference w:id="{name}"/></w:r>'


def noted(kind: str, **notes: str) -> str:
    inside = "".join(f'<w:{kind} w:id="{name[1:]}">{text}</w:{kind}>' for name, text in notes.items())
    separator = f'<w:{kind} w:id="-1" w:type="separator"><w:p><w:r><w:separator/></w:r></w:p></w:{kind}>'
    return f"<w:{kind}s>{separator}{inside}</w:{kind}s>"


def test_notes_and_their_places_bear_the_same_mark(tmp_path: Path) -> None:
    body = paragraph(
        run("The keeper got 40") + reference("footnote", "7") + run(" and the mate 20") + reference("footnote", "3")
        + run(".") + reference("endnote", "2")
    )  # fmt: skip
    own = paragraph('<w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> Before tax.</w:t></w:r>')
    parts = {
        "footnotes": noted(
            "footnote", _3="<w:p><w:r><w:t>In kind.</w:t></w:r></w:p>", _7=own, _9=paragraph("Left over.")
        ),
        "endnotes": noted("endnote", _2=paragraph("See the log.")),
    }
    assert opened(tmp_path, body, parts).text == (
        "The keeper got 40[1] and the mate 20[2].[i]\n\n[2] In kind.\n\n[1] Before tax.\n\nLeft over.\n\n"
        "[i] See the log."
    )
    said = '<w:numFmt w:val="upperRoman"/><w:numStart w:val="4"/>'
    parts["settings"] = f"<w:settings><w:footnotePr>{said}</w:footnotePr></w:settings>"
    assert "40[IV] and the mate 20[V]" in opened(tmp_path, body, parts).text
    starred = '<w:r><w:footnoteReference w:id="7" w:customMarkFollows="1"/><w:t>*</w:t></w:r>'
    assert opened(tmp_path, paragraph(run("40") + starred), parts).text.startswith("40*\n")


def test_comments_are_read_with_who_wrote_them(tmp_path: Path) -> None:
    body = paragraph(run("The price is 99.") + reference("comment", "0") + reference("comment", "1"))
    comments = (
        '<w:comments><w:comment w:id="0" w:author="Ada" w:date="2026-05-09T10:00:00Z">'
        '<w:p w14:paraId="A1"><w:r><w:annotationRef/><w:t>No: 88.</w:t></w:r></w:p></w:comment>'
        '<w:comment w:id="1"><w:p w14:paraId="A2"><w:r><w:t>Yes.</w:t></w:r></w:p></w:comment></w:comments>'
    )
    states = (
        '<w15:commentsEx><w15:commentEx w15:paraId="A2" w15:paraIdParent="A1" w15:done="1"/></w15:commentsEx>'
    )
    document = opened(tmp_path, body, {"comments": comments, "commentsExtended": states})
    assert document.text == (
        "The price is 99.[comment 1][comment 2]\n\n[comment 1] Ada (2026-05-09): No: 88.\n\n"
        "[comment 2, a reply to comment 1, resolved] Yes."
    )


def header(text: str) -> str:
    return f"<w:hdr>{paragraph(text)}</w:hdr>"


def section(*references: tuple[str, str], more: str = "") -> str:
    kinds = {"h": "headerReference", "f": "footerReference"}
    listed = "".join(f'<w:{kinds[name[0]]} w:type="{turn}" r:id="{name}"/>' for name, turn in references)
    return f"<w:sectPr>{listed}{more}</w:sectPr>"


def test_headers_and_footers_are_read_once_each(tmp_path: Path) -> None:
    first = section(("h1", "default"), ("h2", "first"), ("f1", "default"), ("h5", "even"))
    second = section(("h2", "first"), ("h3", "default"), more="<w:titlePg/>")
    third = section(("h4", "default"))
    body = paragraph("one", first) + paragraph("two", second) + paragraph("three") + third
    parts: dict[str, str | bytes] = {
        "header:h1.xml": header("Case 4711/26"),
        "header:h2.xml": header("Letterhead"),
        "header:h3.xml": header("Annex"),
        "header:h4.xml": header("Annex"),
        "header:h5.xml": header("Left page"),
        "footer:f1.xml": header("Signed 9 May 2026"),
    }
    document = opened(tmp_path, body, parts)
    assert document.text == (
        "one\n\ntwo\n\nthree\n\nHeader: Case 4711/26\n\nHeader: Letterhead\n\nHeader: Annex\n\n"
        "Footer: Signed 9 May 2026"
    )
    assert document.notes == (
        "has 1 header or footer that is not read (“Left page”); no page of the file shows it",
    )
    parts["settings"] = "<w:settings><w:evenAndOddHeaders/></w:settings>"
    document = opened(tmp_path, body, parts)
    assert "Left page" in document.text
    assert document.notes == ()


def test_headings_are_places(tmp_path: Path) -> None:
    styles = """<w:styles>
      <w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/></w:style>
      <w:style w:type="paragraph" w:styleId="H2"><w:basedOn w:val="H"/></w:style></w:styles>"""
    body = paragraph("Before.") + paragraph("Pay", '<w:pStyle w:val="H2"/>') + paragraph("Forty crowns.")
    body += paragraph("Not a heading", '<w:pStyle w:val="H"/><w:outlineLvl w:val="9"/>')
    document = opened(tmp_path, body, {"styles": styles})
    assert document.places.headings == ((9, "Pay"),)
    assert document.describe(document.text.index("Forty")).endswith("a.docx, under “Pay”")


def cell(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content if '<' in content else paragraph(content)}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def test_cells_stand_in_their_columns(tmp_path: Path) -> None:
    down, on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    inner = f"<w:tbl>{row(cell('in 1'), cell('in 2'))}</w:tbl>"
    body = "<w:tbl><w:tblPr/><w:tblGrid/>" + "".join(
        [
            row(cell("Day", down), cell("Watch"), cell("Keeper")),
            row(cell("", on), cell("second"), cell("Tam")),
            row(cell("both", '<w:gridSpan w:val="2"/>'), cell("Oda")),
            row(cell(inner), cell("x"), properties='<w:gridBefore w:val="1"/>'),
            row(cell("deleted"), properties="<w:del/>"),
            f"<w:sdt><w:sdtContent>{row(cell('in a control'))}</w:sdtContent></w:sdt>",
        ]
    )
    document = opened(tmp_path, paragraph("Before.") + body + "</w:tbl>" + paragraph("After."))
    assert document.text == (
        "Before.\n\nDay\tWatch\tKeeper\n\tsecond\tTam\nboth\t\tOda\n\tin 1 in 2\tx\nin a control\n\nAfter."
    )
    assert document.notes == (
        "has 1 deleted passage that is not read; reject the tracked changes to have it read",
    )


BOX = f"<w:txbxContent>{paragraph('In a box.')}</w:txbxContent>"


@pytest.mark.parametrize(
    ("drawing", "text"),
    [
        (f"<w:drawing><wps:txbx>{BOX}</wps:txbx></w:drawing>", "In a box."),
        (f"<w:pict><v:shape><v:textbox>{BOX}</v:textbox></v:shape></w:pict>", "In a box."),
        (
            f"<mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>{BOX}</wps:txbx></w:drawing></mc:Choice>"
            f"<mc:Fallback><w:pict><v:textbox>{BOX}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent>",
            "In a box.",
        ),
        (
            f"<mc:AlternateContent><mc:Choice/><mc:Fallback><w:pict>{BOX}</w:pict></mc:Fallback></mc:AlternateContent>",
            "In a box.",
        ),
        ('<w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict>', "DRAFT"),
        ("<w:drawing><a:txBody><a:p><a:r><a:t>Art</a:t></a:r></a:p></a:txBody></w:drawing>", "Art"),
        ('<w:drawing><dgm:relIds r:dm="d"/></w:drawing>', "Chief: Oda\nMate: Tam"),
        ('<w:drawing><c:chart r:id="c"/></w:drawing>', "Catch\n\tcod\n1907\t40\n1908\t55.5"),
    ],
)
def test_what_a_drawing_says_is_read_once(tmp_path: Path, drawing: str, text: str) -> None:
    points = "".join(
        f"<dgm:pt><dgm:t><a:p><a:r><a:t>{each}</a:t></a:r></a:p></dgm:t></dgm:pt>"
        for each in ("Chief: Oda", "Mate: Tam")
    )

    def values(name: str, *said: str) -> str:
        inside = "".join(f'<c:pt idx="{at}"><c:v>{each}</c:v></c:pt>' for at, each in enumerate(said))
        return f"<c:{name}><c:strRef><c:strCache>{inside}</c:strCache></c:strRef></c:{name}>"

    series = (
        f"<c:ser>{values('tx', 'cod')}{values('cat', '1907', '1908')}{values('val', '40', '55.5')}</c:ser>"
    )
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>Catch</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    parts: dict[str, str | bytes] = {
        "diagramData:d.xml": f"<dgm:dataModel><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>",
        "chart:c.xml": f"<c:chartSpace><c:chart>{title}<c:plotArea>{series}</c:plotArea></c:chart></c:chartSpace>",
    }
    body = paragraph(run("See ") + f"<w:r>{drawing}</w:r>" + run("there.")) + paragraph("After.")
    document = opened(tmp_path, body, parts)
    assert document.text == f"See there.\n\n{text}\n\nAfter."
    assert document.notes == ()


def test_pictures_and_objects_are_named(tmp_path: Path) -> None:
    picture = '<w:drawing><wp:docPr id="1" descr="{}"/><pic:blipFill><a:blip r:embed="p"/></pic:blipFill></w:drawing>'
    body = paragraph("".join(f"<w:r>{picture.format(said)}</w:r>" for said in ("A map", "", "A map")))
    body += paragraph(
        '<w:r><w:object><v:shape><v:imagedata r:id="p"/></v:shape>'
        '<o:OLEObject ProgID="Excel.Sheet.12"/></w:object></w:r>'
        '<w:r><w:object><o:OLEObject ProgID="Equation.3"/></w:object></w:r><w:subDoc r:id="none"/>'
    )
    notes = opened(tmp_path, body + paragraph("Text.")).notes
    assert [note.partition(";")[0] for note in notes] == [
        "has 3 pictures that are not read (“A map”)",
        "has 1 embedded object that is not read (“Excel.Sheet.12”)",
        "has 1 formula of the old equation editor that is not read (“Equation.3”)",
        "has 1 linked part that is not read",
    ]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.html", "<p>The fine is 500&nbsp;crowns.</p>"),
        ("a.txt", "The fine is 500 crowns."),
        ("a.docx", word_file(paragraph("The fine is 500 crowns."))),
    ],
)
def test_embedded_text_is_read_where_it_stands(tmp_path: Path, file: str, content: str | bytes) -> None:
    body = paragraph("Before.") + '<w:altChunk r:id="a"/>' + paragraph("After.")
    document = opened(tmp_path, body, {f"aFChunk:{file}": content})
    assert document.text == "Before.\n\nThe fine is 500 crowns.\n\nAfter."


def test_embedded_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    body = paragraph("Before.") + '<w:altChunk r:id="a"/><w:altChunk r:id="none"/>'
    note = opened(tmp_path, body, {"aFChunk:a.bin": b"\x89PNG\r\n\x1a\n"}).notes[0]
    assert "2 embedded parts that are not read (“word/a.bin is a PNG image" in note
    nested = word_file(paragraph("The core."))
    for _ in range(6):
        nested = word_file(paragraph("Shell.") + '<w:altChunk r:id="a"/>', {"aFChunk:a.docx": nested})
    document = Document.open(saved(tmp_path / "a.docx", nested))
    assert document.text == "\n\n".join(["Shell."] * 5)
    assert document.notes[0].startswith("has 1 embedded part that is not read")


def test_deleted_paragraph_marks_and_large_first_letters_join_paragraphs(tmp_path: Path) -> None:
    body = paragraph("One ", "<w:rPr><w:del/></w:rPr>") + paragraph("line.")
    body += paragraph(run("T", '<w:position w:val="-10"/>'), '<w:framePr w:dropCap="drop"/>') + paragraph(
        "he keeper."
    )
    body += paragraph(
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>", "<w:rPr><w:del/></w:rPr>"
    ) + paragraph("End")
    assert opened(tmp_path, body).text == "One line.\n\nThe keeper.\n\nEnd"


@pytest.mark.parametrize(
    "kind", ["ms-word.document.macroEnabled.main", "ms-word.template.macroEnabledTemplate.main"]
)
def test_macros_are_named_and_the_text_is_read(tmp_path: Path, kind: str) -> None:
    data = word_file(paragraph("Text."), {"vbaProject:v.bin": b"x"}, kind=f"application/vnd.{kind}+xml")
    document = Document.open(saved(tmp_path / "a.docm", data))
    assert document.text == "Text."
    assert "macro" in document.notes[0]


def test_a_file_is_read_by_what_it_holds(tmp_path: Path) -> None:
    strict = word_file(paragraph(run("10") + run("6", '<w:vertAlign w:val="superscript"/>')))
    assert Document.open(saved(tmp_path / "renamed", strict)).text == "10^6"
    assert (
        Document.open(saved(tmp_path / "a.docx", word_file(paragraph("x"), main="text/main2.xml"))).text
        == "x"
    )
    inside = zipfile.ZipFile(io.BytesIO(strict))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in inside.namelist():
            changed = inside.read(name).replace(
                b"schemas.openxmlformats.org/wordprocessingml/2006/main",
                b"purl.oclc.org/ooxml/wordprocessingml/main",
            )
            package.writestr(
                name,
                changed.replace(b"schemas.openxmlformats.org/officeDocument/2006", b"purl.oclc.org/ooxml"),
            )
    assert Document.open(saved(tmp_path / "strict.docx", buffer.getvalue())).text == "10^6"


ENTITIES = '<!DOCTYPE w:document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<w:p>" * 3000 + "</w:p>" * 3000, "cannot be read as docx"),
        ("<w:p><w:r><w:t>torn", "cannot be read as docx"),
    ],
)
def test_hostile_bodies_are_one_line(tmp_path: Path, body: str, reason: str) -> None:
    message = refused(saved(tmp_path / "a.docx", word_file(body)))
    assert reason in message
    assert "_io" not in message


def test_entities_and_missing_parts_are_refused(tmp_path: Path) -> None:
    data = word_file(paragraph("&b;"))
    buffer, bare = io.BytesIO(), io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(data))
    with zipfile.ZipFile(buffer, "w") as package, zipfile.ZipFile(bare, "w") as without:
        for name in whole.namelist():
            package.writestr(
                name, (ENTITIES.encode() if name.endswith("document.xml") else b"") + whole.read(name)
            )
            if not name.endswith("document.xml"):
                without.writestr(name, whole.read(name))
    assert "declares entities" in refused(saved(tmp_path / "a.docx", buffer.getvalue()))
    assert "main part is missing" in refused(saved(tmp_path / "b.docx", bare.getvalue()))


def test_a_file_of_pictures_alone_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    body = paragraph('<w:r><w:drawing><wp:docPr id="1" descr="A map"/><a:blip/></w:drawing></w:r>')
    message = refused(saved(tmp_path / "a.docx", word_file(body)))
    assert (
        "has no visible text: it has 1 picture that is not read (“A map”); if there is text in it" in message
    )

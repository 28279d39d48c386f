"""What a Word file holds is read, one block a line."""

import zipfile
from pathlib import Path

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from longspan.spans import Document
from opening import refused, saved


def test_docx_gives_headings_paragraphs_tables_in_order(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_heading("The Letter", level=1)
    word.add_paragraph("It was hidden").add_run(" in plain sight.").bold = True
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["who", "what", "D", "letter\nof state"], strict=True):
        cell.text = text
    table.cell(1, 0).add_table(rows=1, cols=1).cell(0, 0).text = "inner"
    word.add_paragraph("After it.")
    word.save(tmp_path / "a.docx")
    assert Document.open(tmp_path / "a.docx").text == (
        "The Letter\n\nIt was hidden in plain sight.\n\nwho\twhat\nD inner\tletter of state\n\nAfter it."
    )


def test_docx_keeps_what_a_reader_sees_of_tracked_changes_and_content_controls(tmp_path: Path) -> None:
    word = docx.Document()
    word.element.body.insert(
        0,
        parse_xml(
            f"<w:p {nsdecls('w')}><w:r><w:t xml:space='preserve'>Was </w:t></w:r>"
            "<w:del w:id='1'><w:r><w:tab/><w:delText>lost</w:delText></w:r></w:del>"
            "<w:moveFrom w:id='3'><w:r><w:t>elsewhere</w:t></w:r></w:moveFrom>"
            "<w:ins w:id='2'><w:r><w:t>hidden</w:t><w:tab/><w:t>well</w:t></w:r></w:ins></w:p>"
        ),
    )
    word.element.body.insert(
        1,
        parse_xml(
            f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p>"
            "</w:sdtContent></w:sdt>"
        ),
    )
    word.save(tmp_path / "a.docx")
    assert Document.open(tmp_path / "a.docx").text == "Was hidden\twell\n\nIn a control."


def test_docx_notes_follow_the_text(tmp_path: Path) -> None:
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    word = docx.Document()
    word.add_paragraph("The text.")
    notes = f"<w:footnotes {nsdecls('w')}><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote>"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, f"{notes}</w:footnotes>".encode(), word.part.package)
    word.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    word.save(tmp_path / "a.docx")
    assert Document.open(tmp_path / "a.docx").text == "The text.\n\nA note."


def test_an_empty_docx_has_no_visible_text(tmp_path: Path) -> None:
    docx.Document().save(tmp_path / "a.docx")
    assert "no visible text" in refused(tmp_path / "a.docx")


def test_a_corrupt_docx_is_refused(tmp_path: Path) -> None:
    docx.Document().save(tmp_path / "whole.docx")
    whole = (tmp_path / "whole.docx").read_bytes()
    assert "damaged zip archive" in refused(saved(tmp_path / "torn.docx", whole[: len(whole) // 2]))
    assert "not a docx" in refused(saved(tmp_path / "text.docx", b"only text"))


def test_a_docx_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    docx.Document().save(tmp_path / "bomb.docx")
    with zipfile.ZipFile(tmp_path / "bomb.docx", "a") as package:
        package.getinfo("word/document.xml").file_size = 3 << 30  # what the directory will say
        package.writestr("more", b"")  # has the directory written again
    assert "unpacks to 3,222," in refused(tmp_path / "bomb.docx")

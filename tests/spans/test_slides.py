"""Slides: in what order they say what, and what of them is not read."""

import io
import zipfile

import pytest
from lxml import etree
from pptx import Presentation

from longspan.errors import DocumentError
from longspan.spans import Document

BOX = (0, 0, 100, 100)
A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def saved_show(show: object) -> bytes:
    buffer = io.BytesIO()
    show.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


def test_a_slide_its_notes_its_numbers_and_its_place() -> None:
    show = Presentation()
    show.slides.add_slide(show.slide_layouts[6])
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Where we\vstand"
    frame = slide.placeholders[1].text_frame
    for number, (level, kind, start) in enumerate(
        [(0, "arabicPeriod", 3), (1, "alphaLcParenR", 1), (1, "alphaLcParenR", 1), (0, "arabicPeriod", 3)]
    ):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.text, paragraph.level = f"step {number}", level
        etree.SubElement(
            paragraph._p.get_or_add_pPr(), f"{{{A}}}buAutoNum", {"type": kind, "startAt": str(start)}
        )
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    found = Document.of(saved_show(show), "a.pptx")
    assert found.text == (
        "\n\nWhere we\nstand\n\n3. step 0\na) step 1\nb) step 2\n4. step 3\n\nNotes: Say it slowly."
    )
    assert found.describe(found.text.index("slowly")) == "a.pptx, slide 2 (Where we stand)"
    assert found.blank_pages == ()


def test_formulas_and_forms_for_older_readers_stand_once() -> None:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    box = slide.shapes.add_textbox(*BOX)
    math = (
        f'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:a="{A}">'
        '<mc:Choice xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" Requires="a14"><a14:m>'
        '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:f><m:num><m:r><m:t>1</m:t>'
        "</m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></a14:m></mc:Choice>"
        "<mc:Fallback><a:r><a:t>older</a:t></a:r></mc:Fallback></mc:AlternateContent>"
    )
    box.text_frame.paragraphs[0].add_run().text = "half "
    box.text_frame.paragraphs[0]._p.append(etree.fromstring(math))
    assert Document.of(saved_show(show), "a.pptx").text == "half 1/2"


def test_comments_of_both_kinds_have_their_authors() -> None:
    from pptx.opc.package import Part
    from pptx.opc.packuri import PackURI

    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    slide.shapes.add_textbox(*BOX).text_frame.text = "shown"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    main = "http://schemas.openxmlformats.org/presentationml/2006/main"
    authors = f'<p:cmAuthorLst xmlns:p="{main}"><p:cmAuthor id="0" name="Anna"/></p:cmAuthorLst>'
    old = f'<p:cmLst xmlns:p="{main}"><p:cm authorId="0" dt="2024-01-02T03:04"><p:text>why?</p:text></p:cm></p:cmLst>'
    new = (
        '<c:cmLst xmlns:c="http://schemas.microsoft.com/office/powerpoint/2018/8/main"'
        f' xmlns:a="{A}"><c:cm created="2024-05-06T00:00"><c:replyLst><c:reply><c:txBody><a:p><a:r><a:t>so</a:t></a:r>'
        "</a:p></c:txBody></c:reply></c:replyLst><c:txBody><a:p><a:r><a:t>new</a:t></a:r></a:p></c:txBody></c:cm></c:cmLst>"
    )
    for owner, kind, name, xml in [
        (show.part, kinds + "commentAuthors", "/ppt/authors.xml", authors),
        (slide.part, kinds + "comments", "/ppt/c1.xml", old),
        (
            slide.part,
            "http://schemas.microsoft.com/office/2018/10/relationships/comments",
            "/ppt/c2.xml",
            new,
        ),
    ]:
        part = Part(PackURI(name), "application/xml", owner.package, xml.encode())
        owner.relate_to(part, kind)
    text = Document.of(saved_show(show), "a.pptx").text
    assert text.splitlines()[::2] == [
        "shown",
        "[comment] Anna (2024-01-02): why?",
        "[comment] (2024-05-06): new",
        "[a reply] so",
    ]


def test_a_file_without_its_parts_is_one_line() -> None:
    show = Presentation()
    show.slides.add_slide(show.slide_layouts[6])
    whole = saved_show(show)
    with pytest.raises(DocumentError, match=r"a\.pptx has no visible text"):
        Document.of(whole, "a.pptx")
    cut = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(cut, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[: 200 if name == "ppt/presentation.xml" else None])
    with pytest.raises(DocumentError, match=r"a\.pptx cannot be read as pptx \(.*\); open and save it again"):
        Document.of(cut.getvalue(), "a.pptx")

"""OpenDocument files of any shape: what is seen is in the text once, what not is named, and damage is one line."""

import io
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from odf import dc, draw, office, presentation, style, table, text
from odf.opendocument import (
    OpenDocument,
    OpenDocumentPresentation,
    OpenDocumentSpreadsheet,
    OpenDocumentText,
)

from damage import damaged, damaged_inside, opens_or_says_why
from fuzzing import inputs
from longspan.spans import Document
from longspan.spans.formats.opening import read
from seen import Words

PRESENTATION = "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"


def with_styles(document: Any) -> Any:
    for name, properties in {
        "hidden": {"display": "none"},
        "struck": {"textlinethroughstyle": "solid"},
        "raised": {"textposition": "super 58%"},
        "lowered": {"textposition": "sub 58%"},
    }.items():
        made = style.Style(name=name, family="text")
        made.addElement(style.TextProperties(**properties))
        document.automaticstyles.addElement(made)
    numbered = text.ListStyle(name="numbered")
    for level in (1, 2, 3):
        numbered.addElement(text.ListLevelStyleNumber(level=level, numformat="1aI"[level - 1], numsuffix="."))
    document.automaticstyles.addElement(numbered)
    return document


def note(words: Words, depth: int) -> Any:
    made = text.Note(noteclass=words.chance.choice(["footnote", "endnote"]))
    made.addElement(text.NoteCitation(text=str(words.chance.randint(1, 9))))
    body = text.NoteBody()
    body.addElement(text.P(text=words.word()))
    made.addElement(body)
    return made


def comment(words: Words, depth: int = 0) -> Any:
    made = office.Annotation()
    made.addElement(dc.Creator(text=words.word()))
    made.addElement(text.P(text=words.word()))
    return made


def box(words: Words, depth: int) -> Any:
    frame, inside = draw.Frame(), draw.TextBox()
    for each in blocks(words, depth + 1):
        inside.addElement(each)
    frame.addElement(inside)
    return frame


def picture(words: Words, depth: int) -> Any:
    from odf import svg

    frame = draw.Frame()
    frame.addElement(draw.Image(href="Pictures/a.png"))
    frame.addElement(svg.Desc(text=words.word("named")))
    return frame


def ruby(words: Words, depth: int) -> Any:
    made = text.Ruby()
    made.addElement(text.RubyBase(text=words.word()))
    made.addElement(text.RubyText(text=words.word()))
    return made


def span(words: Words, depth: int) -> Any:
    name = words.chance.choice(["hidden", "struck", "raised", "lowered", "none"])
    return text.Span(stylename=name, text=words.word("named" if name == "hidden" else "seen"))


def link(words: Words, depth: int) -> Any:
    return text.A(href="http://example.org", text=words.word())


INLINE = (
    span,
    span,
    link,
    note,
    comment,
    box,
    picture,
    ruby,
    lambda *_: text.Tab(),
    lambda *_: text.LineBreak(),
)


def paragraph(words: Words, depth: int) -> Any:
    made = words.chance.choice([text.P, text.P, lambda: text.H(outlinelevel=1)])()
    for _ in range(words.chance.randint(1, 3)):
        made.addText(f" {words.word()} ")
        made.addElement(words.chance.choice(INLINE if depth < 3 else INLINE[:2])(words, depth))
    return made


def listed(words: Words, depth: int) -> Any:
    made = text.List(stylename="numbered") if depth < 2 else text.List()
    for _ in range(words.chance.randint(1, 3)):
        item = text.ListItem()
        item.addElement(paragraph(words, depth + 1))
        if depth < 3 and words.chance.random() < 0.4:
            item.addElement(listed(words, depth + 2))
        made.addElement(item)
    return made


def tabular(words: Words, depth: int) -> Any:
    made = table.Table()
    for _ in range(words.chance.randint(1, 3)):
        row = table.TableRow()
        for _ in range(words.chance.randint(1, 3)):
            cell = table.TableCell()
            for each in blocks(words, depth + 1):
                cell.addElement(each)
            row.addElement(cell)
        made.addElement(row)
    return made


def section(words: Words, depth: int) -> Any:
    made = text.Section(name=f"s{words.chance.random()}")
    if words.chance.random() < 0.4:
        made.setAttribute("display", "none")
        made.addElement(text.P(text=words.word("named")))
    else:
        for each in blocks(words, depth + 1):
            made.addElement(each)
    return made


def blocks(words: Words, depth: int) -> list[Any]:
    made = (paragraph, paragraph, listed, tabular, section) if depth < 3 else (paragraph,)
    return [words.chance.choice(made)(words, depth) for _ in range(words.chance.randint(1, 2))]


def text_file(words: Words) -> OpenDocument:
    made = with_styles(OpenDocumentText())
    for each in [*blocks(words, 0), *blocks(words, 0)]:
        made.text.addElement(each)
    changes = text.TrackedChanges()
    region, deletion = text.ChangedRegion(check_grammar=False), text.Deletion()
    deletion.addElement(text.P(text=words.word("named")))
    region.addElement(deletion)
    changes.addElement(region)
    made.text.insertBefore(changes, made.text.childNodes[0])
    layout = style.PageLayout(name="layout")
    made.automaticstyles.addElement(layout)
    master, header = style.MasterPage(name="Standard", pagelayoutname=layout), style.Header()
    header.addElement(text.P(text=words.word()))
    master.addElement(header)
    made.masterstyles.addElement(master)
    return made


def sheet_file(words: Words) -> OpenDocument:
    chance, made = words.chance, with_styles(OpenDocumentSpreadsheet())
    gone = style.Style(name="gone", family="table")
    gone.addElement(style.TableProperties(display="false"))
    made.automaticstyles.addElement(gone)
    for count in range(chance.randint(1, 3)):
        hidden = count > 0 and chance.random() < 0.3
        kind = "unseen" if hidden else "seen"
        name = words.word("named" if hidden else "seen")
        sheet = table.Table(name=name, **({"stylename": "gone"} if hidden else {}))
        collapsed = chance.choice([None, 0, 1])
        for column in range(3):
            visible = "collapse" if column == collapsed else "visible"
            sheet.addElement(table.TableColumn(visibility=visible))
        first = True
        for _ in range(chance.randint(1, 4)):
            filtered = chance.random() < 0.2 and not first
            row = table.TableRow(visibility="filter" if filtered else "visible")
            for column in range(3):
                said = "unseen" if filtered or column == collapsed else kind
                if first and column == 2 and not hidden:
                    said = "seen"
                cell = table.TableCell(valuetype="string")
                if chance.random() < 0.2:
                    cell = table.TableCell(formula=f"of:=SUM({words.word(said)})")
                else:
                    cell.addElement(text.P(text=f"{words.word(said)} 灯台 😀"))
                    cell.addElement(text.P(text=words.word(said)))
                if said == "seen" and chance.random() < 0.2:
                    cell.addElement(comment(words))
                row.addElement(cell)
            first = False
            row.addElement(table.TableCell(numbercolumnsrepeated=16000))
            sheet.addElement(row)
            sheet.addElement(table.TableRow(numberrowsrepeated=chance.randint(1, 9)))
        sheet.addElement(table.TableRow(numberrowsrepeated=1_000_000))
        made.spreadsheet.addElement(sheet)
    return made


def slide_file(words: Words) -> OpenDocument:
    chance, made = words.chance, with_styles(OpenDocumentPresentation())
    gone = style.Style(name="gone", family="drawing-page")
    properties = style.DrawingPageProperties()
    properties.setAttrNS(PRESENTATION, "visibility", "hidden")
    gone.addElement(properties)
    made.automaticstyles.addElement(gone)
    layout = style.PageLayout(name="layout")
    made.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Master", pagelayoutname=layout)
    made.masterstyles.addElement(master)
    for count in range(chance.randint(1, 3)):
        hidden = count > 0 and chance.random() < 0.3
        page = draw.Page(masterpagename=master, **({"stylename": "gone"} if hidden else {}))
        frame, inside = draw.Frame(), draw.TextBox()
        frame.setAttrNS(PRESENTATION, "class", "title")
        inside.addElement(text.P(text=words.word("named" if hidden else "seen")))
        frame.addElement(inside)
        page.addElement(frame)
        if hidden:
            continue_with = draw.Frame()
            unseen = draw.TextBox()
            unseen.addElement(text.P(text=words.word("unseen")))
            continue_with.addElement(unseen)
            page.addElement(continue_with)
        else:
            group = draw.G()
            group.addElement(box(words, 1))
            shape = draw.CustomShape()
            shape.addElement(text.P(text=words.word()))
            group.addElement(shape)
            page.addElement(group)
            page.addElement(box(words, 1))
            notes = presentation.Notes()
            notes.addElement(box(words, 2))
            page.addElement(notes)
        made.presentation.addElement(page)
    return made


@inputs(15)
@given(st.integers(0, 2**32))
def test_open_document(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    suffix, make = chance.choice([(".odt", text_file), (".ods", sheet_file), (".odp", slide_file)])
    buffer = io.BytesIO()
    make(words).write(buffer)
    data = buffer.getvalue()
    found = read(data, suffix, f"a{suffix}")
    notes = " ".join(found.notes)
    assert [word for word in words.seen if found.text.count(word) != 1] == []
    assert [word for word in words.unseen if word in found.text] == []
    assert [word for word in words.named if word in found.text] == []
    assert [word for word in words.named if word not in notes] == [] or "…" in notes
    assert Document("a", found.text, found.places).describe(len(found.text))
    for spoilt in (damaged(data, chance), damaged_inside(data, chance), damaged_inside(data, chance)):
        opens_or_says_why(spoilt, suffix)

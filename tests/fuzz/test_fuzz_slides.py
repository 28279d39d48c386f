"""Slides of any shape: what a viewer sees is in the text once, what not is named, and damage is one line."""

import io
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from damage import damaged, damaged_inside, opens_or_says_why
from fuzzing import inputs
from longspan.spans.formats.opening import read
from seen import Words

BOX = (0, 0, 10_000, 10_000)
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


def fill(frame: Any, words: Words) -> None:
    """Paragraphs with runs of different looks, breaks, levels and numbers."""
    chance = words.chance
    for number in range(chance.randint(1, 3)):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.level = chance.randint(0, 4)
        for _ in range(chance.randint(1, 3)):
            run = paragraph.add_run()
            run.text = f"{words.word()}{chance.choice([' ', ', ', '. '])}"
            run.font._element.set("baseline", chance.choice(["0", "30000", "-25000"]))
            run.font._element.set("strike", chance.choice(["noStrike", "sngStrike"]))
            if chance.random() < 0.3:
                paragraph.add_line_break()
        if chance.random() < 0.3:
            kind = chance.choice(
                ["arabicPeriod", "alphaLcParenR", "romanUcParenBoth", "circleNumDbPlain", "buFoo"]
            )
            properties = paragraph._p.get_or_add_pPr()
            number_of = properties.makeelement(properties.tag.replace("pPr", "buAutoNum"), {"type": kind})
            properties.append(number_of)


def text_box(shapes: Any, words: Words, depth: int) -> None:
    box = shapes.add_textbox(*BOX)
    hidden = words.chance.random() < 0.1
    if hidden:
        box.text_frame.text = words.word("named")
        box._element.nvSpPr.cNvPr.set("hidden", "1")
    else:
        fill(box.text_frame, words)


def group(shapes: Any, words: Words, depth: int) -> None:
    inner = shapes.add_group_shape()
    for _ in range(words.chance.randint(1, 2)):
        words.chance.choice([text_box, text_box, group] if depth < 4 else [text_box])(
            inner.shapes, words, depth + 1
        )


def table(shapes: Any, words: Words, depth: int) -> None:
    rows, columns = words.chance.randint(1, 3), words.chance.randint(1, 3)
    made = shapes.add_table(rows, columns, *BOX).table
    merged = rows > 1 and columns > 1 and words.chance.random() < 0.5
    if merged:
        made.cell(0, 0).merge(made.cell(1, 1))
    for row in range(rows):
        for column in range(columns):
            if not made.cell(row, column).is_spanned:
                fill(made.cell(row, column).text_frame, words)


def chart(shapes: Any, words: Words, depth: int) -> None:
    data = CategoryChartData()
    data.categories = [words.word() for _ in range(2)]
    data.add_series(words.word(), (int(words.word()), int(words.word())))
    made = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
    made.has_title = True
    made.chart_title.text_frame.text = words.word()
    made.category_axis.has_title = True
    made.category_axis.axis_title.text_frame.text = words.word()
    label = made.plots[0].series[0].points[0].data_label
    label.text_frame.text = words.word()


def picture(shapes: Any, words: Words, depth: int) -> None:
    made = shapes.add_picture(io.BytesIO(DOT), *BOX)
    made._element.nvPicPr.cNvPr.set("descr", words.word("named"))


def ole(shapes: Any, words: Words, depth: int) -> None:
    shapes.add_ole_object(io.BytesIO(words.word("unseen").encode()), words.word("named"), *BOX)


def slide_file(words: Words) -> bytes:
    chance = words.chance
    show = Presentation()
    for _ in range(chance.randint(1, 3)):
        slide = show.slides.add_slide(show.slide_layouts[chance.choice([1, 5])])
        if chance.random() < 0.2:
            slide.shapes.title.text_frame.text = words.word("named")
            slide._element.set("show", "0")
            slide.shapes.add_textbox(*BOX).text_frame.text = words.word("unseen")
            continue
        fill(slide.shapes.title.text_frame, words)
        for _ in range(chance.randint(0, 4)):
            chance.choice([text_box, group, table, chart, picture, ole])(slide.shapes, words, 0)
        if chance.random() < 0.4:
            fill(slide.notes_slide.notes_text_frame, words)
    if chance.random() < 0.3:
        layout = slide.slide_layout if slide._element.get("show") != "0" else None
        if layout is not None:
            source = slide.shapes.add_textbox(*BOX)
            source.text_frame.text = words.word()
            layout.shapes._spTree.append(source._element)
    show.core_properties.title = words.word("unseen")
    buffer = io.BytesIO()
    show.save(buffer)
    return buffer.getvalue()


@inputs(6)
@given(st.integers(0, 2**32))
def test_slides(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    data = slide_file(words)
    found = read(data, ".pptx", "a.pptx")
    notes = " ".join(found.notes)
    assert [word for word in words.seen if found.text.count(word) != 1] == []
    assert [word for word in words.unseen if word in found.text + notes] == []
    assert [word for word in words.named if word in found.text] == []
    assert [word for word in words.named if word not in notes] == [] or "…" in notes or "object" in notes
    for spoilt in (damaged(data, chance), damaged_inside(data, chance), damaged_inside(data, chance)):
        opens_or_says_why(spoilt, ".pptx")

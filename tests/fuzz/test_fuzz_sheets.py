"""Workbooks of any shape: what is seen in the cells is in the text once, what not is named, damage is one line."""

import datetime
import io
import random

from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from damage import damaged, damaged_inside, opens_or_says_why
from fuzzing import inputs
from longspan.spans import Document
from seen import Words
from workbooks import with_shared_strings


def put(sheet: Worksheet, row: int, column: int, words: Words, kind: str) -> str:
    """A cell; what it shows."""
    chance, cell = words.chance, sheet.cell(row, column)
    word = words.word(kind)
    made = chance.randrange(9)
    if made == 0:
        cell.value = int(word)
        cell.number_format = chance.choice(
            ["General", "0", '0" kg"', '"No. "0', "[Red]0;[Blue]-0", "0_);(0)"]
        )
    elif made == 1:
        cell.value = int(word) / 1000
        cell.number_format = '0.000" m"'
        word = f"{word[:-3]}.{word[-3:]}"
        getattr(words, kind)[-1] = word
    elif made == 2:
        number = int(word)
        cell.value = datetime.datetime(
            1900 + number % 100, 1 + number // 100 % 12, 1 + number // 1000 % 28, 3, 4, number % 60
        )
        cell.number_format = "dd.mm.yyyy hh:mm:ss"
        word = f"{cell.value:%d.%m.%Y %H:%M:%S}"
        getattr(words, kind)[-1] = word
    elif made == 3:
        cell.value = CellRichText(f"{word} ", TextBlock(InlineFont(strike=True), words.word(kind)), " end")
    elif made == 4:
        cell.value = f"=CONCATENATE({word},1)"
    elif made == 5:
        cell.value = f"灯台 {word}\nשלום 😀"
    elif made == 6:
        cell.value, cell.font = word, Font(strike=True)
    elif made == 7:
        cell.value, cell.number_format = word, '"Mr. "@'
    else:
        cell.value = f" {word}\t{words.word(kind)} & <b>"
    return word


def fill(sheet: Worksheet, words: Words, *, kind: str = "seen") -> list[tuple[str, str]]:
    """Cells here and there; each word with the reference of its cell."""
    chance = words.chance
    rows = chance.sample(range(1, 40), chance.randint(1, 6))
    columns = chance.sample(range(1, 60), chance.randint(1, 4))
    hidden_row = chance.choice(rows) if chance.random() < 0.3 else None
    hidden_column = chance.choice(columns) if chance.random() < 0.3 else None
    placed = []
    for row in rows:
        for column in columns:
            if chance.random() < 0.3:
                continue
            gone = row == hidden_row or column == hidden_column
            word = put(sheet, row, column, words, "unseen" if gone else kind)
            if not gone:
                placed.append((word, f"{get_column_letter(column)}{row}"))
                if chance.random() < 0.2:
                    sheet.cell(row, column).comment = Comment(words.word(kind), "Anna")
    if hidden_row:
        sheet.row_dimensions[hidden_row].hidden = True
    if hidden_column:
        sheet.column_dimensions[get_column_letter(hidden_column)].hidden = True
    if chance.random() < 0.3:
        sheet.merge_cells(start_row=50, end_row=52, start_column=61, end_column=63)
        placed.append((put(sheet, 50, 61, words, kind), "BI50"))
    if chance.random() < 0.3:
        sheet.oddFooter.left.text = f"Page &P {words.word(kind)}"
    if chance.random() < 0.2:
        rule = DataValidation(type="whole", promptTitle=words.word(kind), prompt=words.word(kind))
        rule.showInputMessage = True
        rule.add("A1:B2")
        sheet.add_data_validation(rule)
    return placed


def book_file(words: Words) -> tuple[bytes, dict[str, list[tuple[str, str]]], list[str]]:
    chance, book = words.chance, Workbook()
    placed, hidden = {}, []
    for number in range(chance.randint(1, 3)):
        sheet = book.active if number == 0 else book.create_sheet()
        sheet.title = f"Blatt {number} {words.word()}"
        if number and chance.random() < 0.3:
            sheet.sheet_state = chance.choice(["hidden", "veryHidden"])
            words.seen.pop()
            hidden.append(sheet.title)
            fill(sheet, words, kind="unseen")
        else:
            placed[sheet.title] = fill(sheet, words)
            if not placed[sheet.title]:
                sheet["BJ60"] = words.word()
    buffer = io.BytesIO()
    book.save(buffer)
    data = buffer.getvalue()
    return with_shared_strings(data) if chance.random() < 0.5 else data, placed, hidden


@inputs(15)
@given(st.integers(0, 2**32))
def test_workbooks(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    data, placed, hidden = book_file(words)
    found = Document.of(data, "a.xlsx")
    notes = " ".join(found.notes)
    assert [word for word in words.seen if word not in found.text] == []
    assert [word for word in words.unseen if word in found.text] == []
    assert [name for name in hidden if name not in notes] == []
    for sheet, cells in placed.items():
        for word, cell in cells:
            places = [at for at in range(len(found.text)) if found.text.startswith(word, at)]
            assert f"a.xlsx, sheet {sheet}, cell {cell}" in [found.describe(at) for at in places]
    for spoilt in (damaged(data, chance), damaged_inside(data, chance), damaged_inside(data, chance)):
        opens_or_says_why(spoilt, ".xlsx")

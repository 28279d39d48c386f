"""Made-up pages, PDF files and texts: every visible word is read, or the file is refused, or the loss is named."""

import html as escapes
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan.errors import DocumentError
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html import html
from longspan.spans.formats.pdf import pdf
from pdfs import cid_font, pages, shown

INLINE = ["b", "i", "em", "span", "a", "code", "mark", "small", "font", "u", "label", "bdo", "ins", "abbr"]
BLOCKS = ["p", "div", "section", "blockquote", "h2", "li", "center", "form", "fieldset", "details", "pre"]
SCRIPTS = {
    "utf-8": "aéßжλ灯한ก",
    "windows-1252": "aeéßñ€",
    "koi8-r": "абвжя",
    "shift_jis": "灯台守かな",
    "euc-kr": "등대지기",
    "gb2312": "灯塔看守人",
    "iso-8859-9": "aışğİ",
    "windows-1256": "سلام",
}


class Page:
    """A page out of chance, with the words that its reader sees and those that it hides."""

    def __init__(self, chance: random.Random, letters: str) -> None:
        self.chance, self.letters = chance, letters
        self.seen: list[str] = []
        self.hidden: list[str] = []
        self.count = 0

    def word(self, *, seen: bool) -> str:
        self.count += 1
        letters = "".join(self.chance.choice(self.letters) for _ in range(self.chance.randint(1, 4)))
        word = f"q{self.count}{letters}z"
        (self.seen if seen else self.hidden).append(word)
        return escapes.escape(word)

    def words(self, seen: bool) -> str:
        return " ".join(self.word(seen=seen) for _ in range(self.chance.randint(0, 3)))

    def tree(self, depth: int, seen: bool = True) -> str:
        return "".join(self.part(depth, seen) for _ in range(self.chance.randint(1, 4)))

    def part(self, depth: int, seen: bool) -> str:
        chance = self.chance
        if depth == 0 or chance.random() < 0.3:
            return f"{self.words(seen)} "
        kind = chance.randrange(12)
        if kind < 4:
            name = chance.choice(BLOCKS + INLINE)
            return f"<{name}>{self.tree(depth - 1, seen)}{chance.choice([f'</{name}>', ''])} "
        if kind == 4:
            rows = "".join(
                "<tr>"
                + "".join(
                    f"<td{self.span()}>{self.tree(depth - 1, seen)}" for _ in range(chance.randint(1, 3))
                )
                for _ in range(chance.randint(1, 3))
            )
            return f"<table>{rows}</table>"
        if kind == 5:
            items = "".join(f"<li>{self.tree(depth - 1, seen)}" for _ in range(2))
            return f"<ol start={chance.randint(-3, 9)}>{items}</ol>"
        if kind == 6:
            way = chance.choice(
                ["style='display: none'", "hidden", "style='display:none !important'", "class=gone"]
            )
            return f"<div {way}>{self.plain(False)}</div>"
        if kind == 7:
            return f"<input value='{self.word(seen=seen)}'> <textarea>{self.word(seen=seen)}</textarea> "
        if kind == 8:
            return f"<select><option>{self.word(seen=seen)}<option selected>{self.word(seen=seen)}</select> "
        if kind == 9:
            mark = chance.choice(["sup", "sub", "del", "s", "q"])
            return f"{self.words(seen)} <{mark}>{self.words(seen)}</{mark}> "
        if kind == 10:
            return chance.choice(
                ["<!-- no -->", "<script>no</script>", "<br>", "<hr>", "</b>", "</p>", "</table>", "< "]
            )
        return f"<img alt='{self.word(seen=seen)}'> <math><mfrac><mn>{self.words(seen)}</mn><mn>2</mn></mfrac></math> "

    def plain(self, seen: bool) -> str:
        return "".join(f"<{name}>{self.words(seen)}</{name}>" for name in self.chance.choices(INLINE, k=2))

    def span(self) -> str:
        return self.chance.choice(["", "", " rowspan=2", " colspan=2", " rowspan=0"])


@given(st.integers(0, 2**63), st.sampled_from(sorted(SCRIPTS)))
@inputs(40)
def test_every_visible_word_of_a_page_is_read(seed: int, label: str) -> None:
    page = Page(random.Random(seed), SCRIPTS[label])
    body = page.tree(5)
    source = f"<meta charset={label}><style>.gone {{display: none}}</style><body>{body}</body>"
    codec = {"gb2312": "gb18030", "shift_jis": "cp932", "euc-kr": "cp949", "iso-8859-9": "cp1254"}.get(
        label, label
    )
    found = html(source.encode(codec), "page.html")
    assert [word for word in page.seen if word not in found.text] == []
    assert [word for word in page.hidden if word in found.text] == []
    assert bool(found.notes) >= bool(page.hidden)
    offsets = [offset for offset, _ in found.places.lines or ()]
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(found.text) for offset in offsets)


@given(st.integers(0, 2**63), st.integers(1, 12))
@inputs(20)
def test_lines_of_a_page_are_those_of_the_file(seed: int, lines: int) -> None:
    page = Page(random.Random(seed), "abc")
    source = "".join(page.tree(2).replace(" ", page.chance.choice([" ", "\n"])) + "\n" for _ in range(lines))
    found = html(source.encode(), "page.html")
    inside = {
        match.start() for match in re.finditer(r"<(?:input|img|textarea|option|mn|option selected)\b", source)
    }
    for word in page.seen:
        at = found.text.index(word)
        line = [number for offset, number in found.places.lines or () if offset <= at][-1]
        wanted = source[: source.index(word)].count("\n") + 1
        # A field or a formula stands as a whole on the line of its tag.
        assert line == wanted or source.rindex("<", 0, source.index(word)) in inside


# Words drawn over each other could not be read on the page either.
CELLS = [(left, top) for left in (40, 320) for top in range(130, 800, 130)]


@given(st.integers(0, 2**63))
@inputs(30)
def test_every_drawn_word_of_a_pdf_is_read_or_named(seed: int) -> None:
    chance = random.Random(seed)
    words = iter(f"q{number}{'xyz'[number % 3]}w" for number in range(10_000))
    seen: list[str] = []
    hidden: list[str] = []
    contents, notes = [], []
    for _ in range(chance.randint(1, 3)):
        content = ""
        for left, top in chance.sample(CELLS, chance.randint(1, 6)):
            row = [next(words) for _ in range(chance.randint(1, 3))]
            at = (left + chance.randint(0, 20), top - chance.randint(0, 20))
            kind = chance.randrange(5)
            if kind == 0:
                content += f"/OC /Off BDC {shown(*row, at=at)} EMC "
                hidden += row
                continue
            seen += row
            if kind == 1:
                raised = f"({row[0]}) Tj 5 Ts /F1 7 Tf (6) Tj 0 Ts /F1 12 Tf ( {' '.join(row[1:])}) Tj"
                content += f"BT /F1 12 Tf {at[0]} {at[1]} Td {raised} ET "
            elif kind == 2:
                spread = "-600".join(f"({word})" for word in row)
                content += f"BT /F1 {chance.randint(6, 20)} Tf {at[0]} {at[1]} Td [{spread}] TJ ET "
            elif kind == 3:
                content += f"BT /F1 1 Tf 0 9 -9 0 {at[0]} {at[1]} Tm ({' '.join(row)}) Tj ET "
            else:
                content += shown(*row, at=at, size=chance.randint(6, 20))
        contents.append(content)
    word = next(words)
    seen.append(word)
    notes.append(f"<< /Type /Annot /Subtype /Text /Contents ({word}) /Rect [0 0 9 9] >>")
    word = next(words)
    seen.append(word)
    notes.append(f"<< /Type /Annot /Subtype /Widget /FT /Tx /T (t) /V ({word}) /Rect [50 300 90 320] >>")
    data = pages(
        contents,
        catalogue="/OCProperties << /OCGs [120 0 R] /D << /OFF [120 0 R] >> >>",
        resources="/Properties << /Off 120 0 R >>",
        page="/Annots [130 0 R 131 0 R]",
        objects={120: "<< /Type /OCG /Name (Draft) >>", 130: notes[0], 131: notes[1]},
    )
    found = pdf(data, "a.pdf")
    assert [each for each in seen if each not in found.text] == []
    assert [each for each in hidden if each in found.text] == []
    assert any("Draft" in note for note in found.notes) == bool(hidden)
    assert "w6" not in found.text


ENCODINGS = ["utf-8", "utf-16", "utf-32", "utf-16-le", "cp1252", "cp1251", "koi8-r", "cp932", "euc_jp"]
ENCODINGS += ["gb18030", "big5", "cp949", "iso2022_jp", "utf-7"]


@given(st.text(min_size=1, max_size=200), st.sampled_from(ENCODINGS))
@inputs(100)
def test_a_text_is_read_as_it_was_meant_or_refused(text: str, encoding: str) -> None:
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        return
    if encoding == "utf-16" and text.startswith("\0"):
        return  # its mark and a NUL are the mark of UTF-32
    found, refusal = outcome(plain, data, "a.txt")
    if found is None:
        assert encoding not in ("utf-8", "utf-16", "utf-32") or "\0" in text or escaped(text), refusal
        return
    meant = text.replace("\r\n", "\n").replace("\r", "\n")
    if encoding in ("utf-8", "utf-16", "utf-32"):
        assert found.text == meant.removeprefix("\ufeff")
    else:  # nothing else is read but what is UTF-8 as it stands
        assert found.text == data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def outcome(read: Callable[[bytes, str], Extract], data: bytes, name: str) -> tuple[Extract | None, str]:
    """What was read, or the line of refusal."""
    refusal = ""
    try:
        return read(data, name), refusal
    except DocumentError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return None, refusal


def escaped(text: str) -> bool:
    """Whether ASCII text holds what could be the escape of another encoding."""
    return "\x1b$" in text or "~{" in text or "+" in text


WHOLE = {
    "a.html": "<meta charset=utf-8><p>Größe <b>x</b></p><table><tr><td rowspan=2>a</table><style>p{}</style>".encode()
    * 3,
    "a.pdf": pages(
        [shown("The lamp", "was lit")] * 2,
        page="/Annots [110 0 R]",
        objects=cid_font() | {110: "<< /T (a) >>"},
    ),
    "b.pdf": pages([shown("The lamp", "was lit")] * 2, catalogue="/PageLabels << /Nums [0 << /S /r >>] >>"),
    "a.txt": "Größe und 灯台\n".encode() * 9,
}


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from("cdir"), st.binary(min_size=1, max_size=6)),
        min_size=1,
        max_size=8,
    ),
)
@pytest.mark.timeout(300)
@inputs(150)
def test_damaged_files_are_read_or_refused(name: str, damages: list[tuple[float, str, bytes]]) -> None:
    data = WHOLE[name]
    for where, kind, some in damages:
        at = int(where * len(data))
        if kind == "c":
            data = data[:at] if where > 0.2 else data
        elif kind == "d":
            data = data[:at] + data[at + len(some) :]
        else:
            data = data[:at] + some + data[at + (len(some) if kind == "r" else 0) :]
    read = {"html": html, "pdf": pdf, "txt": plain}[name.partition(".")[2]]
    found, _ = outcome(read, data, name)
    if found is not None:
        found.places.check(name, len(found.text))

"""Word files of any shape: what a reader sees is in the text, and damage is one line."""

import random

from hypothesis import given
from hypothesis import strategies as st

from damage import damaged, damaged_inside, opens_or_says_why
from fuzzing import inputs
from longspan.spans.formats.opening import read
from wordfile import paragraph, run, word_file

LOOKS = [
    "",
    "<w:b/>",
    "<w:strike/>",
    '<w:vertAlign w:val="superscript"/>',
    '<w:vertAlign w:val="subscript"/>',
    "<w:caps/>",
]
LISTED = '<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr>'
LEVELS = "".join(
    f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%{depth + 1}."/></w:lvl>'
    for depth in range(9)
)
NUMBERING = (
    f'<w:numbering><w:abstractNum w:abstractNumId="0">{LEVELS}</w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)


class Maker:
    """Makes a body at random; seen and unseen are the words that a reader of it sees, or does not."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self.apart: list[str] = []
        self.parts: dict[str, str] = {"numbering": NUMBERING}
        self.notes: dict[str, list[str]] = {"footnote": [], "endnote": [], "comment": []}
        self._count = 10_000

    def word(self, *, seen: bool = True) -> str:
        self._count += 1
        (self.seen if seen else self.unseen).append(str(self._count))
        return str(self._count)

    def inline(self, depth: int) -> str:
        return "".join(self.chance.choice(self.INLINE)(self, depth) for _ in range(self.chance.randint(1, 4)))

    def looks(self, depth: int) -> str:
        """Neighbours that look different, so that they must not read as one number."""
        one, two = self.word(), self.word()
        first, second = self.chance.sample(["", *LOOKS[2:5]], 2)
        self.apart.append(one + two)
        return run("x ") + run(one, first) + run(two, second) + run(" x")

    def plain(self, depth: int) -> str:
        return run(f" {self.word()} ", self.chance.choice(LOOKS))

    def hidden(self, depth: int) -> str:
        return run(self.word(seen=False), "<w:vanish/>") + run(" ")

    def deleted(self, depth: int) -> str:
        return f"<w:del><w:r><w:delText>{self.word(seen=False)}</w:delText></w:r></w:del>"

    def inserted(self, depth: int) -> str:
        return f"<w:ins>{self.plain(depth)}</w:ins>" + f"<w:hyperlink>{self.plain(depth)}</w:hyperlink>"

    def field(self, depth: int) -> str:
        mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
        code = f"<w:r><w:instrText>{self.word(seen=False)}</w:instrText></w:r>"
        return mark.format("begin") + code + mark.format("separate") + self.plain(depth) + mark.format("end")

    def formula(self, depth: int) -> str:
        up, down = self.word(), self.word()
        self.apart.append(up + down)
        part = "<m:{0}><m:r><m:t>{1}</m:t></m:r></m:{0}>"
        kind, first, second = self.chance.choice(
            [("f", "num", "den"), ("sSup", "e", "sup"), ("rad", "deg", "e")]
        )
        inside = part.format(first, up) + part.format(second, down)
        return f"<m:oMath><m:{kind}>{inside}</m:{kind}></m:oMath>"

    def box(self, depth: int) -> str:
        if depth > 1:
            return ""
        inside = f"<w:txbxContent>{self.blocks(depth + 1)}</w:txbxContent>"
        return f"<w:r><w:drawing>{inside}</w:drawing></w:r>"

    def control(self, depth: int) -> str:
        return f"<w:sdt><w:sdtContent>{self.plain(depth)}</w:sdtContent></w:sdt>"

    def choice(self, depth: int) -> str:
        older = f"<mc:Fallback>{run(self.word(seen=False))}</mc:Fallback>"
        return f"<mc:AlternateContent><mc:Choice>{self.plain(depth)}</mc:Choice>{older}</mc:AlternateContent>"

    def ruby(self, depth: int) -> str:
        reading = f"<w:rt>{self.plain(depth)}</w:rt>"
        return f"<w:r><w:ruby>{reading}<w:rubyBase>{self.plain(depth)}</w:rubyBase></w:ruby></w:r>"

    def note(self, depth: int) -> str:
        kind = self.chance.choice(list(self.notes))
        number = len(self.notes[kind])
        self.notes[kind].append(f'<w:{kind} w:id="{number}">{paragraph(self.plain(depth))}</w:{kind}>')
        return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'

    def table(self, depth: int) -> str:
        if depth > 1:
            return paragraph(self.word())
        rows = ""
        for _ in range(self.chance.randint(1, 3)):
            cells = "".join(
                f"<w:tc>{self.blocks(depth + 1)}</w:tc>" for _ in range(self.chance.randint(1, 3))
            )
            rows += f"<w:tr>{cells}</w:tr>"
        return f"<w:tbl><w:tblPr/>{rows}</w:tbl>"

    def listed(self, depth: int) -> str:
        return paragraph(self.inline(depth), LISTED.format(self.chance.randrange(9)))

    def block(self, depth: int) -> str:
        made = self.chance.choice(
            [self.table, self.listed, *[lambda depth: paragraph(self.inline(depth))] * 3]
        )(depth)
        wrapped = f"<w:sdt><w:sdtContent>{made}</w:sdtContent></w:sdt>"
        return wrapped if self.chance.random() < 0.1 else made

    def blocks(self, depth: int) -> str:
        return "".join(self.block(depth) for _ in range(self.chance.randint(1, 3)))

    def file(self) -> bytes:
        body = self.blocks(0) + self.blocks(0)
        body += '<w:sectPr><w:headerReference r:id="header"/><w:footerReference r:id="footer"/></w:sectPr>'
        self.parts["header"] = f"<w:hdr>{paragraph(self.inline(4))}</w:hdr>"
        self.parts["footer"] = f"<w:ftr>{paragraph(self.plain(4))}</w:ftr>"
        for kind, made in self.notes.items():
            self.parts[f"{kind}s"] = f"<w:{kind}s>{''.join(made)}</w:{kind}s>"
        return word_file(body, self.parts)

    INLINE = (
        looks,
        plain,
        plain,
        hidden,
        deleted,
        inserted,
        field,
        formula,
        box,
        control,
        choice,
        ruby,
        note,
    )


@inputs(40)
@given(st.integers(0, 2**32))
def test_what_is_seen_is_read_and_nothing_else(seed: int) -> None:
    maker = Maker(random.Random(seed))
    found = read(maker.file(), ".docx", "a.docx")
    assert [word for word in maker.seen if found.text.count(word) != 1] == []
    assert [word for word in maker.unseen if word in found.text] == []
    assert [joined for joined in maker.apart if joined in found.text] == []


@inputs(40)
@given(st.integers(0, 2**32))
def test_damage_is_read_or_refused_in_one_line(seed: int) -> None:
    chance = random.Random(seed)
    whole = Maker(chance).file()
    opens_or_says_why(damaged(whole, chance), ".docx")
    opens_or_says_why(damaged_inside(whole, chance), ".docx")

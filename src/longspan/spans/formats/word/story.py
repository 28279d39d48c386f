"""The blocks of a story of a Word file: its body, a note, a header, a cell or a text box."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.field_codes import without_result
from longspan.spans.formats.left_out import DELETED, HIDDEN, LINKED, SYMBOL, Kind
from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.package import child, local, number, switched_on, value
from longspan.spans.formats.symbols import PRIVATE, is_symbolic, replaced, symbol
from longspan.spans.formats.word.embedded import boxes, chunk
from longspan.spans.formats.word.fields import Fields
from longspan.spans.formats.word.formulas import linear
from longspan.spans.formats.word.reading import WordFile
from longspan.spans.formats.word.tables import rows

_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\ufeff")) | {0xA0: " ", 0x0A: " ", 0x0D: " "}
_PRIVATE = re.compile("[\uf000-\uf0ff]")
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}
_GONE = ("del", "moveFrom")
_PASSED = """pPr rPr tblPr tblPrEx tblGrid trPr tcPr sdtPr sdtEndPr delText delInstrText footnoteRef endnoteRef
    annotationRef separator continuationSeparator softHyphen lastRenderedPageBreak proofErr pgNum"""
_PASSED_OVER = frozenset(_PASSED.split())
_BOUND = Kind("empty control bound to data", "empty controls bound to data", "open and save the file in Word")


class Story:
    """Reads elements one after another into blocks of text."""

    def __init__(self, reading: WordFile, part: str) -> None:
        self._reading, self._part = reading, part
        self._left_out = reading.left_out
        self._fields = Fields(reading.left_out)
        self._line = Line()
        self._boxes: list[str] = []
        self._look = Look()
        self._paragraph_style: str | None = None
        self._in_hidden = False
        self._in_initial = False
        self.blocks = Blocks()

    def read(self, nodes: Iterable[Any]) -> Blocks:
        """All of the elements; then the story is at its end."""
        for node in nodes:
            self.block(node)
        self._line.add(self._fields.unfinished())
        self._flush()
        return self.blocks

    def block(self, node: Any) -> None:
        name = local(node)
        if name == "p":
            self._paragraph(node)
        elif name == "tbl":
            self._flush()
            self._table(node)
        elif name == "altChunk":
            self._flush()
            self._chunk(node)
        elif name == "sectPr":
            self._section(node)
        elif name == "sdt":
            self._control(node, self.block)
        elif name == "AlternateContent":
            self._alternative(node, self.block)
        elif name in _GONE:
            self._gone(node)
        elif name in _INLINE:
            self._inline(node)
        elif name not in _PASSED_OVER:
            for each in node:
                self.block(each)

    # Paragraphs.

    def _paragraph(self, node: Any) -> None:
        properties = child(node, "pPr")
        style = self._paragraph_style = value(child(properties, "pStyle")) if properties is not None else None
        self._in_initial = value(child(properties, "framePr"), "dropCap") in ("drop", "margin")
        for each in node:
            self._inline(each)
        joins = False
        if properties is not None:
            joins = self._joins_next(properties)
            if (section := child(properties, "sectPr")) is not None:
                self._section(section)
        if not joins:
            outline = number(child(properties, "outlineLvl")) if properties is not None else None
            heading = outline < 9 if outline is not None else self._reading.styles.outline(style)
            self._flush(properties, style, paragraph=True, heading=heading)

    def _joins_next(self, properties: Any) -> bool:
        """Whether the paragraph ends in a deleted or hidden mark, or is the large first letter of the next."""
        mark = child(properties, "rPr")
        gone = any(child(mark, name) is not None for name in _GONE)
        return gone or self._in_initial or switched_on(child(mark, "vanish"))

    def _flush(
        self,
        properties: Any = None,
        style: str | None = None,
        *,
        paragraph: bool = False,
        heading: bool = False,
    ) -> None:
        """The line so far as a block, after its number if it is a paragraph, and the boxes that hang on it."""
        hidden_only = self._in_hidden and not self._line
        text = self._line.take()
        label = ""
        if paragraph and not hidden_only:
            label = self._reading.numbering.label(properties, style, empty=not text.strip())
        self.blocks.add(label + text, headings=[label + text] if heading else ())
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            self.blocks.add(box)
        self._in_hidden = False

    # What stands in a line.

    def _inline(self, node: Any) -> None:
        name = local(node)
        if name == "r":
            self._run(node)
        elif name in ("oMath", "oMathPara"):
            self._formula(node)
        elif name in _GONE:
            self._gone(node)
        elif name == "sdt":
            self._control(node, self._inline)
        elif name == "fldSimple":
            self._simple_field(node)
        elif name == "AlternateContent":
            self._alternative(node, self._inline)
        elif name == "subDoc":
            relation = self._reading.package.relations(self._part).get(value(node, "id") or "")
            self._left_out.add(LINKED, relation.target if relation else "")
        elif name in ("p", "tbl"):
            self.block(node)
        elif name not in _PASSED_OVER:
            for each in node:
                self._inline(each)

    def _run(self, node: Any) -> None:
        look = self._look
        self._look = self._reading.styles.look(child(node, "rPr"), self._paragraph_style)
        if self._in_initial:
            self._look = self._look._replace(script="")
        for each in node:
            self._in_run(each)
        self._look = look

    def _in_run(self, node: Any) -> None:
        name = local(node)
        if name == "t":
            self._text((node.text or "").translate(_INVISIBLE))
        elif name in _CHARACTERS:
            self._text(_CHARACTERS[name])
        elif name == "fldChar":
            self._line.add(self._fields.mark(node), self._look._replace(script=""))
        elif name == "instrText":
            self._fields.instruct(node.text or "")
        elif name == "sym":
            self._symbol(node)
        elif name in _NOTES:
            self._note(node, _NOTES[name])
        elif name == "ruby":
            self._ruby(node)
        elif name in ("drawing", "pict", "object"):
            self._drawing(node)
        elif name == "AlternateContent":
            self._alternative(node, self._in_run)
        elif name in _INLINE:
            self._inline(node)
        elif name not in _PASSED_OVER:
            for each in node:
                self._in_run(each)

    def _text(self, text: str) -> None:
        if self._fields.in_instruction:
            self._fields.hide(text)
        elif self._look.hidden:
            if text.strip() and not self._in_hidden:
                self._left_out.add(HIDDEN)
                self._in_hidden = True
        else:
            font = self._look.font
            if _PRIVATE.search(text) or (font and is_symbolic(font)):
                unknown: list[str] = []
                text = replaced(text, font, unknown)
                for each in unknown:
                    self._left_out.add(SYMBOL, each)
            self._line.add(text, self._look)
            self._in_hidden = self._in_hidden and not text.strip()

    def _symbol(self, node: Any) -> None:
        font, code = value(node, "font") or "", value(node, "char") or ""
        point = int(code, 16) if re.fullmatch(r"[0-9a-fA-F]{1,6}", code) else 0
        known = not font or is_symbolic(font) or point not in PRIVATE
        found = symbol(point, font) if known else None
        if found is None:
            found = f"[{font or 'symbol'} {code}]"
            self._left_out.add(SYMBOL, found)
        look, self._look = self._look, self._look._replace(font="")
        self._text(found)
        self._look = look

    def _note(self, node: Any, kind: str) -> None:
        if self._look.hidden and kind != "comment":
            return
        mark = self._reading.marks.refer(kind, value(node, "id") or "")
        if (value(node, "customMarkFollows") or "0") in (
            "0",
            "false",
            "off",
        ):  # else the author's mark is text
            self._line.add(mark)

    def _ruby(self, node: Any) -> None:
        for name, first, last in (("rubyBase", "", ""), ("rt", "(", ")")):
            if (part := child(node, name)) is not None and "".join(part.itertext()).strip():
                look = self._look
                self._line.add(first, look)
                for each in part:
                    self._inline(each)
                self._line.add(last, look)

    def _formula(self, node: Any) -> None:
        several = [each for each in node if local(each) == "oMath"] if local(node) == "oMathPara" else [node]
        if not self._fields.in_instruction:
            self._line.add_apart("\n".join(filter(None, map(linear, several))))

    def _simple_field(self, node: Any) -> None:
        before = len(self._line)
        for each in node:
            if local(each) != "fldData":
                self._inline(each)
        if len(self._line) == before:
            self._line.add(without_result(value(node, "instr") or "", self._left_out))

    def _gone(self, node: Any) -> None:
        """Deleted text is not shown; what was moved away stands elsewhere."""
        if local(node) == "del" and any(
            each.text and each.text.strip() for each in node.iter("{*}delText", "{*}t")
        ):
            self._left_out.add(DELETED)

    def _alternative(self, node: Any, read: Any) -> None:
        """The first choice that holds anything; else the form for older readers."""
        options = [each for each in node if local(each) == "Choice"]
        options += [each for each in node if local(each) == "Fallback"]
        before = self._size()
        for option in options:
            for each in option:
                read(each)
            if self._size() != before:
                return

    def _size(self) -> tuple[int, int, int, int]:
        return len(self._line), len(self._boxes), len(self._left_out), len(self.blocks)

    # Controls, drawings, chunks.

    def _control(self, node: Any, read: Any) -> None:
        properties, content = child(node, "sdtPr"), child(node, "sdtContent")
        said = {} if properties is None else {local(each): each for each in properties}
        inside = [] if content is None else list(content)
        if "checkbox" in said and len(_text_of(content)) <= 1:
            self._line.add("[x]" if switched_on(child(said["checkbox"], "checked")) else "[ ]")
            if any(local(each) == "p" for each in inside):
                self._flush()
        elif switched_on(said.get("showingPlcHdr")):
            self._prompt(inside, read)
        elif "dataBinding" in said and not _text_of(content):
            self._left_out.add(_BOUND, value(said.get("alias")) or "")
        else:
            for each in inside:
                read(each)

    def _prompt(self, inside: list[Any], read: Any) -> None:
        """What a control asks for stands in brackets, since nobody has filled it in."""
        if any(local(each) in ("p", "tbl") for each in inside):
            self._flush()
            prompt = self._apart(inside).text
            self.blocks.add(f"[{prompt}]" if prompt else "")
            return
        before = len(self._line)
        for each in inside:
            read(each)
        self._line.wrap(before)

    def _drawing(self, node: Any) -> None:
        if not self._look.hidden:
            self._boxes += boxes(self._reading, self._part, node, self._apart)

    def _chunk(self, node: Any) -> None:
        if found := chunk(self._reading, self._part, node):
            self.blocks.add(found.text, headings=[heading for _, heading in found.places.headings])

    def _section(self, node: Any) -> None:
        """Remember which headers and footers the section has."""
        said = {
            (local(each), _turn(value(each, "type"))): value(each, "id") or ""
            for each in node
            if local(each) in ("headerReference", "footerReference")
        }
        if switched_on(child(node, "titlePg")):
            said["titlePg", ""] = ""
        self._reading.sections.append(said)

    def _table(self, node: Any) -> None:
        self.blocks.part()
        for text, headings in rows(node, self._apart, self._left_out):
            self.blocks.add(text, line_ends=1, headings=headings)
        self.blocks.part()

    def _apart(self, node: Any) -> Blocks:
        """A cell or a text box, read as a story of its own."""
        return Story(self._reading, self._part).read(node)


_INLINE = {"r", "oMath", "oMathPara", "sdt", "fldSimple", "hyperlink", "subDoc", *_GONE}


def _turn(said: str | None) -> str:
    return said if said in ("first", "even") else "default"


def _text_of(node: Any) -> str:
    return "" if node is None else "".join(node.itertext()).strip()

"""Groups and control words of an RTF file, one after another, into stories. The file is untrusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from longspan.spans.formats.left_out import DELETED, HIDDEN, OBJECT, PICTURE, SYMBOL, Kind, LeftOut
from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.rtf.buffer import Buffer
from longspan.spans.formats.rtf.charsets import decoded, of_code_page, of_font, of_header
from longspan.spans.formats.rtf.fields import FORM_WORDS, Fields
from longspan.spans.formats.rtf.fonts import Fonts
from longspan.spans.formats.rtf.formulas import Formula
from longspan.spans.formats.rtf.story import Story
from longspan.spans.formats.rtf.words import CHARACTERS, HEADERS, READ, SKIPPED, SYMBOLS, Place
from longspan.spans.formats.symbols import replaced

_TOKEN = re.compile(
    r"(?P<open>\{)|(?P<close>\})|\\(?P<word>[a-zA-Z]{1,64})(?P<number>-?[0-9]{1,10})?[ ]?"
    r"|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>.)|(?P<text>[^\\{}\r\n]+)|(?P<end>[\r\n]+)",
    re.DOTALL,
)
_DEEPEST = 10_000
_MIN_SHIFT = 4  # half points: less is a matter of alignment
_WORD_ART = "gtextUNICODE"
_STORIES = ("footnote", "annotation", "shptxt", "dptxbxtext")
_PLACES = {
    "fonttbl": Place.FONTS,
    "fldinst": Place.INSTRUCTION,
    "formfield": Place.FORM,
    "ffdeftext": Place.FORM,
    "ffl": Place.ENTRY,
    "atnauthor": Place.AUTHOR,
    "objclass": Place.CLASS,
}
# Some writers put words of looks before these.
_ANYWHERE = {"pict", "objdata", "fldinst", "formfield"}
_PRIVATE = re.compile("[\uf000-\uf0ff]")
_UNFIT = Kind(
    "character", "characters", "its bytes do not fit the encoding that the file declares; save it again"
)


class _State(NamedTuple):
    """What holds until the end of a group."""

    place: Place = Place.TEXT
    look: Look = Look()
    font: int = -1
    replacements: int = 1
    deleted: bool = False
    in_table: bool = False
    heading: bool = False
    in_object: bool = False
    before_upr: Place = Place.TEXT
    ends: str = ""


class Reader:
    """Reads a file from its first group to its last; `body` and `closing` hold the text then."""

    def __init__(self, left_out: LeftOut) -> None:
        self.body = Story()
        self._noted: list[str] = []
        self._margins: dict[str, None] = {}
        self._left_out = left_out
        self._stories = [self.body]
        self._states: list[_State] = []
        self._state = _State()
        self._encoding = "cp1252"
        self._fonts = Fonts()
        self._default_font = -1
        self._buffer = Buffer(self._decode, self._show)
        self._ignorable = False
        self._at_start = False
        self._in_hidden = ""
        self._notes = self._comments = 0
        self._marked = False
        self._author: list[str] = []
        self._fields = Fields(left_out)
        self._shown = 0
        self._class: list[str] = []
        self._property: list[str] = []
        self._formula: Formula | None = None

    @property
    def closing(self) -> list[str]:
        """Notes and comments, then headers and footers."""
        return [*self._noted, *self._margins]

    def read(self, source: str) -> None:
        """The whole file, each byte as one character. ValueError if it is cut off or goes on after its end."""
        at, length = source.find("{"), len(source)
        while at < length:
            match = _TOKEN.match(source, at)
            if match is None:
                raise ValueError("it ends in the middle of a control word")
            at = match.end()
            kind = match.lastgroup
            if kind == "text" or kind == "hex":
                self._at_start = False
                if self._state.place is not Place.SKIPPED:
                    self._gather(match)
            elif kind == "open":
                self._open()
            elif kind == "close":
                self._close()
                if not self._states:
                    break
            elif kind in ("word", "number"):
                number = match["number"]
                if match["word"] == "bin":
                    at += max(int(number or 0), 0)
                    if at > length:
                        break
                else:
                    self._word(match["word"], None if number is None else int(number))
            elif kind == "sign":
                self._sign(match["sign"])
        if self._states:
            raise ValueError("it is cut off: a group does not end")
        if source[at:].strip(" \t\r\n\0\x1a"):
            raise ValueError("it goes on after its end")

    def _gather(self, match: re.Match[str]) -> None:
        if match["hex"]:
            self._buffer.byte(int(match["hex"], 16))
        else:
            self._buffer.plain(match["text"])

    # Groups.

    def _open(self) -> None:
        self._flush()
        if len(self._states) >= _DEEPEST:
            raise ValueError(f"its groups are more than {_DEEPEST:,} deep")
        self._states.append(self._state)
        self._state = self._state._replace(ends="")
        self._at_start, self._ignorable, self._buffer.to_skip = True, False, 0

    def _close(self) -> None:
        self._flush()
        ended, self._state = self._state, self._states.pop()
        self._at_start, self._buffer.to_skip = False, 0
        if ended.ends:
            self._ended(ended.ends)

    def _ended(self, what: str) -> None:
        if what == "note":
            self._noted.append(self._stories.pop().finish())
        elif what in ("Header", "Footer"):
            text = self._stories.pop().finish()
            if text:
                self._margins[f"{what}: {text}"] = None
        elif what == "box":
            box = self._stories.pop().finish()
            self._stories[-1].boxes.append(box)
        elif what == "object":
            self._left_out.add(OBJECT, "".join(self._class))
        elif what == "property":
            said = "".join(self._property)
            if said.startswith(_WORD_ART):
                self._stories[-1].boxes.append(said.removeprefix(_WORD_ART))
        elif what == "field":
            self._line.add(self._fields.end(self._shown))
        elif what == "formula part" and self._formula:
            self._formula.end()
        elif what == "formula" and self._formula:
            self._line.add_apart(self._formula.text())
            self._shown += 1
            self._formula = None

    def _destination(self, word: str) -> bool:
        """Whether the word, first in its group, says what the group is; then that is remembered."""
        state = self._state
        if word == "ud":
            self._state = state._replace(place=state.before_upr)
        elif state.place is Place.SKIPPED:
            pass
        elif self._formula and word.startswith("m") and word != "mr":
            self._formula.begin(word)
            self._state = state._replace(place=Place.FORMULA, ends="formula part")
        elif word in SKIPPED or (self._ignorable and word not in READ):
            self._state = state._replace(place=Place.SKIPPED)
        elif word == "pict":
            if not state.in_object:
                self._left_out.add(PICTURE)
            self._state = state._replace(place=Place.SKIPPED)
        elif word == "object":
            self._class = []
            self._state = state._replace(in_object=True, ends="object")
        elif word == "upr":
            self._state = state._replace(place=Place.SKIPPED, before_upr=state.place)
        elif word in _STORIES or word in HEADERS:
            self._begin_story(word)
        elif word == "field":
            self._fields.begin(self._shown)
            self._state = state._replace(ends="field")
        elif word == "sp":
            self._property = []
            self._state = state._replace(place=Place.PROPERTY, ends="property")
        elif word in ("moMath", "moMathPara", "mmath"):
            self._formula = Formula()
            self._state = state._replace(place=Place.FORMULA, ends="formula")
        elif word in _PLACES:
            self._state = state._replace(place=_PLACES[word])
            self._author = [] if word == "atnauthor" else self._author
        else:
            return False
        return True

    def _begin_story(self, word: str) -> None:
        if word == "footnote":
            self._notes += not self._marked
            if not self._marked:
                self._line.add(f"[{self._notes}]")
            self._marked = False
            story, ends = Story(f"[{self._notes}]"), "note"
        elif word == "annotation":
            self._comments += 1
            self._line.add(f"[comment {self._comments}]")
            author = "".join(self._author).strip()
            who = f" {author}:" if author else ""
            story, ends = Story(f"[comment {self._comments}]{who}"), "note"
        elif word in HEADERS:
            story, ends = Story(), "Header" if word.startswith("header") else "Footer"
        else:
            story, ends = Story(), "box"
        self._stories.append(story)
        self._state = self._state._replace(
            ends=ends, look=Look(), in_table=False, heading=False, place=Place.TEXT
        )

    # Control words.

    def _word(self, word: str, number: int | None) -> None:
        if word == "u":
            self._at_start = False
            if self._state.place is not Place.SKIPPED:
                self._buffer.unit(number or 0, self._state.replacements)
            return
        self._flush()
        self._buffer.to_skip = 0
        starts, self._at_start = self._at_start, False
        if (starts or (word in _ANYWHERE and not self._state.ends)) and self._destination(word):
            return
        if self._state.place is Place.SKIPPED:
            return
        if word in CHARACTERS:
            self._show(CHARACTERS[word])
        elif word in _WORDS:
            _WORDS[word](self, number)
        elif word in _TEXT_WORDS:
            if self._state.place is Place.TEXT:
                _TEXT_WORDS[word](self, number)
        elif word in FORM_WORDS:
            self._fields.form[word] = number or 0
        elif word == "ansicpg":
            self._encoding = of_code_page(number or 0) or self._encoding
        elif encoding := of_header(word):
            self._encoding = encoding

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._ignorable = True
            return
        self._at_start = False
        if self._buffer.skips():
            return
        if sign in "\r\n":
            self._flush()
            if self._state.place is Place.TEXT:
                self._paragraph()
        elif sign in SYMBOLS:
            self._flush()
            self._show(SYMBOLS[sign] or "")

    def _paragraph(self) -> None:
        self._stories[-1].end_line(in_table=self._state.in_table, heading=self._state.heading)
        self._in_hidden = ""

    def _default(self, font: int) -> None:
        self._default_font = font
        self._set(font=font)

    def _note_mark(self) -> None:
        if len(self._stories) == 1 and not self._marked:
            self._notes += 1
            self._marked = True
            self._line.add(f"[{self._notes}]")

    def _choose_font(self, number: int | None) -> None:
        if self._state.place in (Place.FONTS, Place.FONT):
            self._fonts.define(number or 0)
            self._state = self._state._replace(place=Place.FONT)
        else:
            self._state = self._state._replace(font=number or 0)

    def _font_encoding(self, encoding: str | None) -> None:
        if self._state.place is Place.FONT:
            self._fonts.encode(encoding)

    def _set(self, **changes: Any) -> None:
        self._state = self._state._replace(**changes)

    def _look_as(self, **changes: Any) -> None:
        self._state = self._state._replace(look=self._state.look._replace(**changes))

    # Text.

    @property
    def _line(self) -> Line:
        return self._stories[-1].line

    def _flush(self) -> None:
        self._buffer.flush()

    def _decode(self, data: bytes) -> None:
        encoding = self._fonts[self._state.font].encoding or self._encoding
        if encoding == "symbol":
            self._show(data.decode("latin-1"), symbolic=True)
            return
        text, unfit = decoded(data, encoding)
        for _ in range(unfit):
            self._left_out.add(_UNFIT)
        self._show(text)

    def _show(self, text: str, *, symbolic: bool = False) -> None:
        state, place = self._state, self._state.place
        if place is Place.TEXT:
            self._show_text(text, symbolic)
        elif place is Place.FONT:
            self._fonts.name(text)
        elif place is Place.INSTRUCTION:
            self._fields.instruct(text)
        elif place is Place.ENTRY:
            self._fields.entry(text)
        elif place is Place.CLASS:
            self._class.append(text)
        elif place is Place.PROPERTY:
            self._property.append(text)
        elif place is Place.AUTHOR:
            self._author.append(text)
        elif place is Place.FORMULA and self._formula and not (state.look.hidden or state.deleted):
            self._formula.add(text)

    def _show_text(self, text: str, symbolic: bool) -> None:
        state = self._state
        gone = "deleted" if state.deleted else "hidden" if state.look.hidden else ""
        if gone:
            if text.strip() and self._in_hidden != gone:
                self._left_out.add(DELETED if state.deleted else HIDDEN)
                self._in_hidden = gone
            return
        font = self._fonts[state.font]
        if symbolic or font.symbolic or _PRIVATE.search(text):
            unknown: list[str] = []
            text = replaced(text, font.name if font.symbolic else "Symbol", unknown)
            for each in unknown:
                self._left_out.add(SYMBOL, each)
        self._shown += 1
        self._line.add(text.replace("\xa0", " ").replace("\xad", ""), state.look)
        self._in_hidden = self._in_hidden if not text.strip() else ""


_TEXT_WORDS: dict[str, Callable[[Reader, int | None], Any]] = {
    **dict.fromkeys(("par", "sect", "page", "column"), lambda reader, _: reader._paragraph()),
    "cell": lambda reader, _: reader._stories[-1].end_cell(),
    "nestcell": lambda reader, _: reader._stories[-1].end_cell(nested=True),
    "row": lambda reader, _: reader._stories[-1].end_row(),
    "chftn": lambda reader, _: reader._note_mark(),
}
_WORDS: dict[str, Callable[[Reader, int | None], Any]] = {
    "pard": lambda reader, _: reader._set(in_table=False, heading=False),
    "intbl": lambda reader, number: reader._set(in_table=number != 0),
    "outlinelevel": lambda reader, number: reader._set(heading=0 <= (number or 0) < 9),
    "plain": lambda reader, _: reader._set(look=Look(), font=reader._default_font, deleted=False),
    "deleted": lambda reader, number: reader._set(deleted=number != 0),
    "uc": lambda reader, number: reader._set(replacements=min(max(number or 0, 0), 64)),
    "f": lambda reader, number: reader._choose_font(number),
    "deff": lambda reader, number: reader._default(number or 0),
    "fcharset": lambda reader, number: reader._font_encoding(
        "symbol" if number == 2 else of_font(number or 0)
    ),
    "cpg": lambda reader, number: reader._font_encoding(of_code_page(number or 0)),
    "v": lambda reader, number: reader._look_as(hidden=number != 0),
    **dict.fromkeys(("strike", "striked"), lambda reader, number: reader._look_as(struck=number != 0)),
    "super": lambda reader, number: reader._look_as(script="" if number == 0 else "^"),
    "sub": lambda reader, number: reader._look_as(script="" if number == 0 else "_"),
    "nosupersub": lambda reader, _: reader._look_as(script=""),
    "up": lambda reader, number: reader._look_as(
        script="^" if number is None or number >= _MIN_SHIFT else ""
    ),
    "dn": lambda reader, number: reader._look_as(
        script="_" if number is None or number >= _MIN_SHIFT else ""
    ),
}

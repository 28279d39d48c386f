"""From the bytes of a PDF file to its text, its pages and what is left out."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from io import BytesIO
from typing import Any

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.ocr import SETTING, Engine, engine, note
from longspan.spans.formats.pdf import attachments, forms
from longspan.spans.formats.pdf.annotations import remarks
from longspan.spans.formats.pdf.damage import check_content
from longspan.spans.formats.pdf.drawing import read_drawing, strike
from longspan.spans.formats.pdf.fonts import has_tables, plain_type3_codes
from longspan.spans.formats.pdf.glyphs import UNKNOWN, read_glyphs
from longspan.spans.formats.pdf.labels import page_labels
from longspan.spans.formats.pdf.layers import Layers, without_hidden
from longspan.spans.formats.pdf.lines import read_lines
from longspan.spans.formats.pdf.objects import entry
from longspan.spans.formats.pdf.pictures import drawn_picture
from longspan.spans.formats.pdf.rows import in_rows
from longspan.spans.formats.reason import reason, visible
from longspan.spans.formats.whole import whole
from longspan.spans.places import Places

_NO_LOG = logging.NullHandler()
_ONE_AT_A_TIME = threading.Lock()  # PDFium keeps state of its own
_MAX_UNKNOWN = 0.2
_STAMP_WORDS = 12
_COVERED = 0.6


def pdf(data: bytes, name: str) -> Extract:
    """The pages in order, each with its text, the values of its fields, and the notes on it."""
    from pypdf import PasswordType, PdfReader

    # Its warnings of small faults would fall through to stderr; a handler of the host's still gets them.
    logging.getLogger("pypdf").addHandler(_NO_LOG)
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise DocumentError(f"{name} is encrypted; remove its password first, e.g. with qpdf --decrypt")
        count = len(reader.pages)
        source, layers = without_hidden(reader) if len(Layers(reader)) else (data, [])
    except DocumentError:
        raise
    except Exception as error:  # pypdf: "broken PDF files might cause other Exceptions"
        raise DocumentError(
            f"{name} cannot be opened ({reason(error)}); check that it is a complete PDF"
        ) from error
    if not count:
        raise DocumentError(f"{name} has no pages; check that it is a complete PDF")
    with _ONE_AT_A_TIME:
        return _Pages(name, reader, source, layers).extract()


class _Pages:
    """A file while its pages are read."""

    def __init__(self, name: str, reader: Any, source: bytes, layers: list[str]) -> None:
        self._name, self._reader, self._source, self._layers = name, reader, source, layers
        self._texts: list[str] = []
        self._pictures: list[int] = []
        self._unreadable: list[int] = []
        self._recognised: list[int] = []
        self._engine: Engine | None = None
        self._unknown = 0
        self._left_out = LeftOut()

    def extract(self) -> Extract:
        from pypdfium2 import PdfDocument

        number = 0
        checked: set[int] = set()
        try:
            with closing(PdfDocument(self._source)) as document:
                if len(document) != len(self._reader.pages):
                    raise ValueError(
                        f"its page tree counts {len(document)} and holds {len(self._reader.pages)}"
                    )
                for number, page in enumerate(self._reader.pages, start=1):
                    check_content(page, checked)  # before PDFium sees it
                    self._page(number, page, document[number - 1])
                self._recognise(document)
            labels = page_labels(self._reader)
            number = 0
            self._form_data()
            texts = attachments.attached(self._reader, self._left_out)
        except DocumentError:
            raise
        except Exception as error:  # any object of a broken file may be another than it should
            where = f"read on page {number}" if number else "opened"
            raise DocumentError(
                f"{self._name} cannot be {where} ({reason(error)}); repair it, e.g. with qpdf, or print it to a new PDF"
            ) from error
        self._refuse_without_text(bool(texts))
        if texts:
            labels = (labels or tuple(map(str, range(1, len(self._texts) + 1)))) + tuple(
                each for each, _ in texts
            )
            self._texts += [f"Attached file {each}:\n{text}" for each, text in texts]
        starts = [0]
        for text in self._texts[:-1]:
            starts.append(starts[-1] + len(text) + 1)
        places = Places(page_starts=tuple(starts), page_labels=labels, pictures=tuple(self._pictures))
        return Extract(
            text="\n".join(self._texts), places=places, notes=(*self._notes(), *self._left_out.notes())
        )

    def _page(self, number: int, page: Any, drawn: Any) -> None:
        drawn.set_rotation(0)  # the order of the text is that of the unturned page
        with closing(drawn), closing(drawn.get_textpage()) as text_page:
            glyphs = read_glyphs(drawn, text_page, plain_type3_codes(page))
            drawing = read_drawing(drawn)
        unknown = sum(glyph.text == UNKNOWN for glyph in glyphs)
        if unknown > _MAX_UNKNOWN * len(glyphs):
            self._unreadable.append(number)
            glyphs = []
        else:
            self._unknown += unknown
        strike(glyphs, drawing.strokes)

        def appearance(form: Any) -> str:
            from pypdf.generic import StreamObject

            return str(page.extract_xform_text(form)) if isinstance(form, StreamObject) else ""

        fields = forms.entries(page, appearance, self._left_out)
        lines = in_rows(read_lines(glyphs), fields)
        if drawing.shapeless_text and not unknown:
            written = page.extract_text() if has_tables(page) and not self._layers else ""
            if _letters(written) > _letters("".join(glyph.text for glyph in glyphs)):
                lines = [*written.split("\n"), *in_rows([], fields)]
            elif not glyphs:
                self._unreadable.append(number)
        words = sum(len(line.split()) for line in lines)
        if drawing.covered >= _COVERED and not drawing.invisible_text and words <= _STAMP_WORDS:
            self._pictures.append(number)
        said = remarks(page, glyphs, appearance, self._left_out)
        self._texts.append("\n".join(whole(line) for line in [*lines, *said] if visible(line)))

    def _recognise(self, document: Any) -> None:
        """Pages without text of their own, by OCR where that is installed."""
        blank = [number for number, text in enumerate(self._texts, start=1) if not visible(text)]
        numbers = sorted({*blank, *self._pictures, *self._unreadable})
        found = engine() if numbers else None
        if found is None:
            return
        try:
            texts = list(found.pages(drawn_picture(document[each - 1]) for each in numbers))
        except ValueError as error:
            raise DocumentError(
                f"{self._name} has pages that are pictures, and {error}; mend that, or set {SETTING} to off"
            ) from error
        for number, words in zip(numbers, texts, strict=True):
            if visible(words):
                self._texts[number - 1] = "\n".join(filter(None, [self._texts[number - 1], words]))
                self._recognised.append(number)
        self._engine = found
        self._pictures = [each for each in self._pictures if each not in self._recognised]
        self._unreadable = [each for each in self._unreadable if each not in self._recognised]

    def _form_data(self) -> None:
        """Values of fields that stand on no page, and the data of an XFA form, at the end of the last page."""
        lines = forms.off_page(self._reader)
        self._xfa = forms.data_of_xfa(self._reader)
        there = " ".join(" ".join(self._texts).split())
        lines += [line for line in self._xfa or () if line.partition(": ")[2] not in there]
        if self._xfa is not None and not lines and entry(self._reader.trailer, "/Root", "/NeedsRendering"):
            raise ValueError("it is an XFA form without data; print it to PDF from Adobe Reader")
        self._texts[-1] = "\n".join(filter(None, [self._texts[-1], *lines]))

    def _refuse_without_text(self, attached: bool) -> None:
        pages = len(self._texts)
        read = [number for number, text in enumerate(self._texts, start=1) if visible(text)]
        if attached or set(read) - set(self._pictures):
            return
        if self._unreadable:
            raise DocumentError(
                f"{self._name} does not say which characters its fonts draw, on {len(self._unreadable)} of {pages} "
                "page(s), so its text cannot be taken out; run OCR over it, e.g. ocrmypdf --force-ocr"
            )
        if read:
            raise DocumentError(
                f"{self._name} has {pages} page(s) that are pictures with a few words on them (a scan with a stamp?); "
                "run OCR over it, e.g. ocrmypdf --force-ocr"
            )
        raise DocumentError(
            f"{self._name} has {pages} page(s) without a text layer (a scan?); run OCR first, e.g. ocrmypdf"
        )

    def _notes(self) -> list[str]:
        notes = []
        if self._recognised and self._engine is not None:
            notes.append(f"has pictures of text on page {_listed(self._recognised)}; {note(self._engine)}")
        if self._unreadable:
            notes.append(
                f"has fonts that do not say which characters they draw, on page {_listed(self._unreadable)}, and that "
                "text is not read; run OCR over it, e.g. ocrmypdf --force-ocr"
            )
        if self._unknown:
            notes.append(
                f"has {self._unknown:,} sign(s) whose font does not say what they are, shown as {UNKNOWN}; look at the "
                "page before you rely on a word or number with one"
            )
        if self._layers:
            names = printable(", ".join(filter(None, self._layers)), lines=False)[:120] or "without a name"
            notes.append(
                f"has layers that are switched off ({names}) and not read; switch them on and save to have them read"
            )
        if self._xfa is not None and entry(self._reader.trailer, "/Root", "/NeedsRendering"):
            notes.append(
                "is an XFA form: what is filled in is read, its labels and layout are not; print it to PDF from Adobe "
                "Reader to have all"
            )
        return notes


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (", …" if len(numbers) > 12 else "")

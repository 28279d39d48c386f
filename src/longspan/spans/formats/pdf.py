"""The text of a PDF file, page by page."""

from __future__ import annotations

import logging
import unicodedata
from io import BytesIO

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason, visible
from longspan.spans.places import Places

# PDF fonts often give one character for two or three letters, which no search for the word would find.
_LETTERS = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)} | {0xA0: " "}
_NO_LOG = logging.NullHandler()


def pdf(data: bytes, name: str) -> Extract:
    from pypdf import PasswordType, PdfReader

    # Its warnings of small faults would fall through to stderr; a handler of the host's still gets them.
    logging.getLogger("pypdf").addHandler(_NO_LOG)
    doing, advice = "opened", "check that it is a complete PDF"
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise DocumentError(f"{name} is encrypted; remove its password first, e.g. with qpdf --decrypt")
        pages = []
        for number, page in enumerate(reader.pages, start=1):
            doing, advice = f"read on page {number}", "repair or print it to a new PDF"
            pages.append(_tidied(page.extract_text()))
    except DocumentError:
        raise
    except Exception as error:  # pypdf: "broken PDF files might cause other Exceptions"
        raise DocumentError(f"{name} cannot be {doing} ({reason(error)}); {advice}") from error
    if not pages:
        raise DocumentError(f"{name} has no pages; check that it is a complete PDF")
    if not any(map(visible, pages)):
        raise DocumentError(
            f"{name} has {len(pages)} page(s) without a text layer (a scan?); run OCR first, e.g. ocrmypdf"
        )
    starts = [0]
    for text in pages[:-1]:
        starts.append(starts[-1] + len(text) + 1)
    return Extract(text="\n".join(pages), places=Places(page_starts=tuple(starts)))


def _tidied(text: str) -> str:
    """Page text with whole code points, letters instead of ligatures, and no blanks at its line ends."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "\n".join(line.rstrip() for line in whole.translate(_LETTERS).split("\n")).strip("\n")

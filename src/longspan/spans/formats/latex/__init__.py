"""The text of a LaTeX source as it is printed, with the lines of the source; formulas stay as they are written."""

from __future__ import annotations

from longspan.errors import DocumentError
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

SUFFIXES = (".tex", ".latex", ".ltx")


def latex(data: bytes, name: str) -> Extract:
    """Words, tables, lists, notes and formulas of the document; commands that are not known stay in the text."""
    from longspan.spans.formats.latex.reading import Reading

    text = plain(data, name).text
    try:
        reading = Reading(text)
    except Exception as error:  # a source may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as LaTeX ({reason(error)}); make a PDF of it, or rename it to .txt"
        ) from error
    return Extract(
        text=reading.writer.text,
        places=Places(lines=tuple(reading.writer.lines), headings=tuple(reading.headings)),
        notes=reading.left_out.notes(),
    )

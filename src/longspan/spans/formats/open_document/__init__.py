"""The text of OpenDocument files: texts, spreadsheets, presentations and drawings, as packages or in one XML."""

from __future__ import annotations

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason


def open_document(data: bytes, name: str) -> Extract:
    """What the file shows, by what it is."""
    from longspan.spans.formats.open_document.reading import extract

    try:
        return extract(data, name)
    except DocumentError:
        raise
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as OpenDocument ({reason(error)}); open and save it again, or export it as PDF"
        ) from error

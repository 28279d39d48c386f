"""The text of an Excel workbook, sheet by sheet: cells as people see them, and what lies over them."""

from __future__ import annotations

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason


def xlsx(data: bytes, name: str) -> Extract:
    """The sheets in the order of their tabs, a row a line and its cells parted by tabs; hidden ones are named."""
    from longspan.spans.formats.sheets.book import Book

    try:
        return Book(data).extract()
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as xlsx ({reason(error)}); open and save it again, or save each sheet as CSV"
        ) from error

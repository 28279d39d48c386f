"""What a file calls its pages."""

from __future__ import annotations

from typing import Any


def page_labels(reader: Any) -> tuple[str, ...]:
    """One a page, such as iv or A-3; empty where they are 1, 2, 3, ..."""
    from longspan.spans.formats.pdf.objects import entry

    if entry(reader.trailer, "/Root", "/PageLabels") is None:
        return ()
    labels = tuple(map(str, reader.page_labels))
    plain = tuple(map(str, range(1, len(reader.pages) + 1)))
    return labels if labels != plain and len(labels) == len(plain) else ()

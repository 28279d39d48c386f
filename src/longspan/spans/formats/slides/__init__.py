"""The text of a PowerPoint file, slide by slide: what the slide shows, its notes, its comments."""

from __future__ import annotations

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.reason import reason


def pptx(data: bytes, name: str) -> Extract:
    """The slides in the order of the show; those that are hidden are named."""
    from longspan.spans.formats.slides.show import Show

    try:
        return Show(data).extract()
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as pptx ({reason(error)}); open and save it again, or export it as PDF"
        ) from error

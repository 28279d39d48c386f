"""What a page repeats and no reader reads on: running headers, footers and page numbers."""

from __future__ import annotations

import re
from collections import Counter

from longspan.spans.document import Document

_DEEPEST = 3  # lines at the top and at the bottom of a page that are looked at
_PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?:page|seite|pagina|página|sida|side|str|стр|pg|p)\b\.?\s*)?(?:\d{1,4}|[ivxlc]{1,7})"
    r"(?:\s*(?:/|of|von|de|di|av|af|из)\s*\d{1,4})?[\W_]*",
    re.IGNORECASE,
)


def furniture(document: Document) -> list[tuple[int, int]]:
    """Where headers, footers and page numbers stand, as ascending places in the text.

    A line is one of them if it is among the first or last lines of its page and, its numbers aside, stands there on
    another page too, or if it holds only the number of a page. Empty for a document of less than two pages.
    """
    starts = document.places.page_starts
    if len(starts) < 2:
        return []
    ends = (*starts[1:], len(document.text))
    found: set[tuple[int, int]] = set()
    for order in (1, -1):  # from the top, then from the bottom
        pages = [_lines(document.text, *page)[::order][:_DEEPEST] for page in zip(starts, ends, strict=True)]
        often = Counter(said for page in pages for said in {said for said, _ in page})
        repeated = {said for said, count in often.items() if count > 1} | {"#"}
        for page in pages:
            for said, place in page:
                if said not in repeated:
                    break
                found.add(place)
    return sorted(found)


def _lines(text: str, start: int, end: int) -> list[tuple[str, tuple[int, int]]]:
    """The lines of a page that are not blank: what each says, its numbers aside, and where it stands."""
    found = []
    for line in re.finditer(r"[^\n\f]*[^\s][^\n\f]*", text[start:end]):
        said = " ".join(line[0].split())
        key = "#" if _PAGE_NUMBER.fullmatch(said) else re.sub(r"\d+", "#", said)
        found.append((key, (start + line.start(), start + line.end())))
    return found

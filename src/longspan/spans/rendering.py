"""How a choice of spans is written for a model to read."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from longspan.spans.display import printable
from longspan.spans.document import Document, Span

GAP = "[...]"


def layout(spans: Iterable[Span]) -> list[Span | str]:
    """The spans in their order with what is written between them: document names and marks of gaps.

    A document is announced by a line with its name, see ``titles``; ``[...]`` stands where text of it is left out.
    The texts of the parts, joined, are what ``render`` gives, so the place of each span in it is known.
    """
    spans = list(spans)
    documents = list(dict.fromkeys(span.document for span in spans))
    names = dict(zip(documents, titles(documents), strict=True))
    parts: list[Span | str] = []
    last: Span | None = None
    for span in spans:
        if last is None or last.document != span.document:
            if last is not None:
                parts.append(_ending(last) + "\n\n")
            parts.append(heading(names[span.document]))
            parts.append(f"{GAP}\n" if span.start else "")
        elif last.end != span.start:
            parts.append(f"\n{GAP}\n")
        parts.append(span)
        last = span
    if last is not None:
        parts.append(_ending(last))
    return [part for part in parts if part]


def heading(name: str) -> str:
    """The line that announces a document."""
    return f"Document: {name}\n"


def titles(documents: Iterable[Document]) -> list[str]:
    """The names of different documents for display, those that look alike with a number: log.txt, log.txt (2)."""
    seen: Counter[str] = Counter()
    found = []
    for document in documents:
        name = printable(document.name, lines=False)
        looks = " ".join(unicodedata.normalize("NFKC", name).split())
        seen[looks] += 1
        found.append(f"{name} ({seen[looks]})" if seen[looks] > 1 else name)
    return found


def _ending(last: Span) -> str:
    return f"\n{GAP}" if last.end < len(last.document.text) else ""


def render(spans: Iterable[Span]) -> str:
    """The spans as they are read, each with its text unchanged; see ``layout``."""
    return "".join(part if isinstance(part, str) else part.text for part in layout(spans))

"""Citations of what was read, each checked against the text of its document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from longspan.spans.cutting import sentences
from longspan.spans.document import Document, Span, merge
from longspan.spans.relevance import content_words, relevance

_BLOCK_LINE = r"[^\S\n]*>.*"
_QUOTATIONS = re.compile(
    rf"""(?P<block>^{_BLOCK_LINE}(?:\n{_BLOCK_LINE})*)
    | [“„](?P<curved>[^“”„]+)[“”]
    | «(?P<angled>[^«»]+)»
    | (?<!\w)"(?=\S)(?P<straight>(?:[^"\n]|\n(?!\s*\n))+)(?<=\S)"(?!\w)
    """,
    re.VERBOSE | re.MULTILINE,
)
# A block that is itself in quotation marks, with its source behind them or not.
_MARKED_BLOCK = re.compile(r"[\"“„«](.+)[\"“”»]\s*(?:[(\[—–-].*)?", re.DOTALL)
# One character for one, so that offsets stay: models write plain marks where books have typeset ones.
_PLAIN = str.maketrans("‘’ʼ“”„«»‐‑‒–—\xa0\u2009\u202f", '\'\'\'"""""-----   ')


@dataclass(frozen=True)
class Citation:
    """A quote, and where it stands.

    ``verified`` is what ``verify`` found: the quote is exactly the characters ``start`` to ``end`` of the
    document. A quotation in an answer that stands in nothing that was read has no document (``""``),
    no offsets, and is not verified.
    """

    document: str
    start: int | None
    end: int | None
    quote: str
    verified: bool


def verify(citation: Citation, documents: Iterable[Document]) -> bool:
    """Whether the quote is exactly what a document of that name has at these offsets."""
    start, end, quote = citation.start, citation.end, citation.quote
    if start is None or end is None or not 0 <= start < end:
        return False
    return any(
        document.name == citation.document and document.text[start:end] == quote for document in documents
    )


def cite(answer: str, question: str, read: Sequence[Span], limit: int = 3) -> tuple[Citation, ...]:
    """Every quotation in the answer, then up to ``limit`` sentences of what was read that support it.

    A quotation is text in double quotation marks or in Markdown ``>`` lines, of three words or twelve
    characters at least. It is looked for in ``read``; line breaks and the style of marks and dashes may
    differ, and the quote given is then the document's own wording. One that is not found stays in the
    result, unverified. Supporting sentences share content words with the answer (and question); there
    may be none.
    """
    if limit < 0:
        raise ValueError(f"limit={limit} supporting sentences; use 0 or more")
    read = merge(read)
    quotations = list(_quotations(answer))
    plain = [span.text.translate(_PLAIN) for span in read] if quotations else []
    citations = []
    for quotation in quotations:
        place = _find(quotation, read, plain)
        citations.append(_citation(place) if place else Citation("", None, None, quotation, verified=False))
    supporting = 0
    for sentence in _supporting(answer, question, read) if limit else ():
        citation = _citation(sentence)
        if not any(citation.quote == other.quote or _overlap(citation, other) for other in citations):
            citations.append(citation)
            supporting += 1
            if supporting == limit:
                break
    return tuple(dict.fromkeys(citations))


def _citation(span: Span) -> Citation:
    unchecked = Citation(span.document.name, span.start, span.end, span.text, verified=False)
    return replace(unchecked, verified=verify(unchecked, [span.document]))


def _overlap(one: Citation, other: Citation) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.document == other.document and one.start < other.end and other.start < one.end


def _quotations(answer: str) -> Iterator[str]:
    for match in _QUOTATIONS.finditer(answer):
        quotation = match[match.lastgroup or 0].strip()
        if match["block"]:
            quotation = re.sub(r"^[^\S\n]*>[^\S\n]?", "", quotation, flags=re.MULTILINE).strip()
            marked = _MARKED_BLOCK.fullmatch(quotation)
            quotation = marked[1].strip() if marked else quotation
        if len(quotation) >= 12 or len(quotation.split()) >= 3:
            yield quotation


def _find(quotation: str, read: Sequence[Span], plain: Sequence[str]) -> Span | None:
    """Where the quotation stands; a comma or full stop at its end may be the answer's own."""
    for wording in dict.fromkeys((quotation, quotation.rstrip(",.;"))):
        if not wording:
            continue
        for span in read:
            at = span.document.text.find(wording, span.start, span.end)
            if at >= 0:
                return Span(span.document, at, at + len(wording))
        pattern = re.compile(r"\s+".join(map(re.escape, wording.translate(_PLAIN).split())))
        for span, text in zip(read, plain, strict=True):
            if match := pattern.search(text):
                return Span(span.document, span.start + match.start(), span.start + match.end())
    return None


def _supporting(answer: str, question: str, read: Sequence[Span]) -> Iterator[Span]:
    """Sentences for the answer, best first, as long as they are at least half as good as the best."""
    pool = [sentence for span in read for sentence in sentences(span.document, span.start, span.end)]
    scores = relevance([sentence.text for sentence in pool], f"{answer}\n{question}")
    said, asked = set(content_words(answer)), set(content_words(question))
    own = said - asked
    least = 0.0
    for index in sorted(range(len(pool)), key=scores.__getitem__, reverse=True):
        if scores[index] <= least:
            return
        words = set(content_words(pool[index].text))
        shared = words & (said | asked)
        if (own and own <= words) or len(shared) >= min(2, len(said | asked)):
            yield pool[index]
            least = least or scores[index] / 2

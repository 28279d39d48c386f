"""Citations of what was read, each checked against the text of its document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from longspan.spans.boundaries import inside_word
from longspan.spans.document import Document, Span, merge
from longspan.spans.finding import Read, find
from longspan.spans.markup import shown
from longspan.spans.naming import Sources
from longspan.spans.quotations import Quotation, quotations
from longspan.spans.rendering import titles
from longspan.spans.support import sentence_around, supporting


@dataclass(frozen=True)
class Citation:
    """A quote, and where it stands.

    ``verified`` is what ``verify`` found: the quote is exactly the characters ``start`` to ``end`` of the document,
    and neither end cuts a word, a number or a character. A quotation in an answer that stands in nothing that was
    read has no document (``""``), no offsets, and is not verified.

    ``number`` says which of the documents that were read it is, from 1, as two can have one name. ``place`` is where
    a person finds it in the file, see `Document.describe`. ``sentence`` is the whole sentence in which it stands,
    as a part may say the opposite: “payment is due” in “No payment is due before June.”
    """

    document: str
    start: int | None
    end: int | None
    quote: str
    verified: bool
    number: int | None = None
    place: str = field(default="", compare=False)
    sentence: str = field(default="", compare=False)


def verify(citation: Citation, documents: Iterable[Document]) -> bool:
    """Whether the quote is exactly what a document of that name has at these offsets, and cuts no word there."""
    start, end, quote = citation.start, citation.end, citation.quote
    if start is None or end is None or not 0 <= start < end:
        return False
    return any(
        document.name == citation.document
        and document.text[start:end] == quote
        and not inside_word(document.text, start)
        and not inside_word(document.text, end)
        for document in documents
    )


def cite(answer: str, question: str, read: Sequence[Span], limit: int = 3) -> tuple[Citation, ...]:
    """Every quotation in the answer, then up to ``limit`` sentences of what was read that support it.

    A quotation is text in quotation marks of any writing system or in Markdown ``>`` lines, of three words or twelve
    characters at least. It is looked for in ``read``, first in documents that the answer names behind it, as `find`
    does: line ends, hyphens at them, headers of pages, the style of marks and such may differ, and the quote given is
    then the document's own wording. One that is not found stays in the result, unverified. Supporting sentences share
    content words with the answer (and question); there may be none.
    """
    if limit < 0:
        raise ValueError(f"limit={limit} supporting sentences; use 0 or more")
    answer, read = shown(answer), merge(read)
    documents = list(dict.fromkeys(span.document for span in read))
    names = titles(documents)

    def citation(span: Span) -> Citation:
        number = documents.index(span.document)
        place = span.document.describe(span.start, span.end, name=names[number])
        found = Citation(
            span.document.name,
            span.start,
            span.end,
            span.text,
            verified=False,
            number=number + 1,
            place=place,
            sentence=sentence_around(span),
        )
        return replace(found, verified=verify(found, [span.document]))

    citations: list[Citation] = []
    for quotation, place in _found(answer, read):
        citations.append(
            citation(place) if place else Citation("", None, None, quotation.wordings[0], verified=False)
        )
    support = 0
    for sentence in supporting(answer, question, read) if limit else ():
        further = citation(sentence)
        if not any(further.quote == other.quote or _overlap(further, other) for other in citations):
            citations.append(further)
            support += 1
            if support == limit:
                break
    return tuple(dict.fromkeys(citations))


def _found(answer: str, read: Sequence[Span]) -> list[tuple[Quotation, Span | None]]:
    """Each quotation with its place; what stands in one that was found is not looked for again."""
    places: dict[tuple[tuple[str, ...], int], Span | None] = {}
    searched = [Read(span) for span in read]
    sources = Sources(answer, list(dict.fromkeys(span.document for span in read)))
    found: list[tuple[Quotation, Span | None]] = []
    covered = 0  # where the last quotation ends that was found
    said = quotations(answer)
    following = [*(each.start for each in said), len(answer)][1:]
    for quotation, limit in zip(said, following, strict=False):
        if quotation.end <= covered:
            continue
        named = sources.of(quotation, limit)
        for each in (quotation, *quotation.parts):
            key = (each.wordings, id(named))
            if key not in places:
                places[key] = _place(each, searched, named)
            if places[key]:
                covered = max(covered, quotation.end) if each is quotation else covered
            if places[key] or each is not quotation or not quotation.parts:
                found.append((each, places[key]))
            if each is quotation and places[key]:
                break
    return found


def _place(quotation: Quotation, read: Sequence[Read], named: Document | None) -> Span | None:
    order = sorted(read, key=lambda each: each.span.document is not named)
    for wording in sorted(quotation.wordings, key=len, reverse=True):
        if place := find(wording, order):
            return place
    return None


def _overlap(one: Citation, other: Citation) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.number == other.number and one.start < other.end and other.start < one.end

"""Sentences of what was read that support an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from longspan.spans.boundaries import inside_word
from longspan.spans.cutting import sentences
from longspan.spans.document import Span
from longspan.spans.furniture import furniture
from longspan.spans.relevance import content_words, relevance

_SENTENCE = (
    1000  # characters around a quote in which its sentence is looked for; `sentences` cuts at half of it
)


def supporting(answer: str, question: str, read: Sequence[Span]) -> Iterator[Span]:
    """Sentences for the answer, best first, as long as they are at least half as good as the best."""
    said, asked = set(content_words(answer)), set(content_words(question))
    if not said | asked:
        return
    own = said - asked
    pool = [sentence for span in read for sentence in _sentences(span)]
    scores = relevance([sentence.text for sentence in pool], f"{answer}\n{question}")
    floor = 0.0
    for index in sorted(range(len(pool)), key=scores.__getitem__, reverse=True):
        if scores[index] <= floor:
            return
        words = set(content_words(pool[index].text))
        shared = words & (said | asked)
        if (own and own <= words) or len(shared) >= min(2, len(said | asked)):
            yield pool[index]
            floor = floor or scores[index] / 2


def sentence_around(span: Span) -> str:
    """The sentences in which a place stands; what it says itself where it is all of them."""
    document = span.document
    near = sentences(document, max(0, span.start - _SENTENCE), min(len(document.text), span.end + _SENTENCE))
    around = [each for each in near if each.end > span.start and each.start < span.end]
    if not around:
        return span.text
    return document.text[min(around[0].start, span.start) : max(around[-1].end, span.end)]


def _sentences(span: Span) -> Iterator[Span]:
    """Those that can be quoted: none holds the header of a page or is cut in a word."""
    document, at = span.document, span.start
    for start, end in (*furniture(document), (span.end, span.end)):
        for sentence in sentences(document, at, min(max(at, start), span.end)):
            if not inside_word(document.text, sentence.start) and not inside_word(
                document.text, sentence.end
            ):
                yield sentence
        at = min(max(at, end), span.end)

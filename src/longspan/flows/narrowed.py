"""Any flow over the passages that speak most of the question, instead of over all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from longspan.flows.alr2 import ALR2
from longspan.flows.base import Events, Flow, together
from longspan.flows.chat import Chat
from longspan.flows.judging import judge_of
from longspan.flows.passages import choose
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Citation, Claim, Document, Span, Unread
from longspan.spans.rendering import GAP, titles
from longspan.usage import Usage

CARD = Card(
    name="narrowed",
    target="longspan.flows.narrowed:Narrowed",
    paper="Retrieval meets Long Context Large Language Models",
    link="https://arxiv.org/abs/2310.03025",
    year=2023,
    training=False,
    changes="Has another flow read the passages that speak most of the question, instead of everything.",
)

_BETWEEN = f"\n\n{GAP}\n\n"


@dataclass(frozen=True, kw_only=True)
class Narrowed(Flow):
    """Retrieval before a flow that reads everything it is given. https://arxiv.org/abs/2310.03025

    The passages that speak most of the question, in the documents' order, are the documents of the inner flow, so that
    what it takes does not grow with theirs. What it cites is told by its place in the whole document. Deviation: in the
    paper one reply reads the passages, as `best-passages` has it; that any flow may do so is ours.
    """

    flow: Flow = field(default_factory=ALR2, metadata={"room": "flow"})
    """The flow that reads them."""

    tokens: int = 8192
    """Tokens of passages that it is given."""

    passage: int = 256
    """Tokens of a passage at most."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 32)
        check_whole("passage", self.passage, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Retrieve, then whatever the flow does."""
        usages: list[Usage] = []
        judge = judge_of(chat, usages.append)

        def ranked(spans: Sequence[Span], query: str) -> list[int]:
            index = self.retriever.index(spans, said=self.retriever.say(spans, judge))
            return [number for number, _ in index.ranked(query)]

        chosen = choose(documents, question, self.tokens, chat.count_tokens, self.passage, ranked)
        events.step(
            f"goes on with {chosen.passages:,} of {chosen.total:,} passages, {chosen.skipped_tokens:,} tokens left out"
        )
        whole = list(dict.fromkeys(documents))
        kept = [_Kept.of([span for span in chosen.spans if span.document is each]) for each in whole]
        known = {each.document: each for each in kept if each is not None}
        answer = self.flow.answer(chat, list(known), question, events)
        names = dict(zip(whole, titles(whole), strict=True))
        citations = (_cited(each, known, names) for each in answer.citations)
        used = together([*usages, answer.usage], answer.usage.truncated_tokens + chosen.skipped_tokens)
        return replace(
            answer,
            citations=tuple(citations),
            claims=tuple(_claimed(each, known) for each in answer.claims),
            unread=tuple(
                Unread(span=span, reason=each.reason)
                for each in answer.unread
                for span in known[each.span.document].places(each.span.start, each.span.end)
            ),
            usage=used,
        )


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """Passages of a document as a document. starts: where each begins in it."""

    document: Document
    spans: tuple[Span, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, spans: Sequence[Span]) -> _Kept | None:
        if not spans:
            return None
        starts, at = [], 0
        for span in spans:
            starts.append(at)
            at += len(span.text) + len(_BETWEEN)
        text = _BETWEEN.join(span.text for span in spans)
        return cls(document=Document(spans[0].document.name, text), spans=tuple(spans), starts=tuple(starts))

    def places(self, start: int, end: int) -> list[Span]:
        """Where characters of the passages stand in the whole document, without the gaps between them."""
        found = []
        for number in range(max(0, bisect_right(self.starts, start) - 1), len(self.spans)):
            span, at = self.spans[number], self.starts[number]
            first, last = max(start - at, 0), min(end - at, len(span.text))
            if first < last:
                found.append(Span(span.document, span.start + first, span.start + last))
            if end <= at:
                break
        return found


def _cited(citation: Citation, known: dict[Document, _Kept], names: dict[Document, str]) -> Citation:
    """By its place in the whole document; what goes over a gap stands nowhere in it."""
    start, end = citation.start, citation.end
    if start is None or end is None:
        return citation
    for document, kept in known.items():
        if document.name == citation.document and document.text[start:end] == citation.quote:
            places = kept.places(start, end)
            if len(places) == 1 and places[0].text == citation.quote:
                (place,) = places
                said = place.document.describe(place.start, place.end, name=names[place.document])
                return replace(citation, start=place.start, end=place.end, place=said)
    return Citation("", None, None, citation.quote, verified=False)


def _claimed(claim: Claim, known: dict[Document, _Kept]) -> Claim:
    sources = (place for each in claim.sources for place in known[each.document].places(each.start, each.end))
    return replace(claim, sources=tuple(sources))

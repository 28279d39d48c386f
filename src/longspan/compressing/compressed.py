"""What stays of documents, and answers to it led back to where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from longspan.compressing.shortened import Shortened
from longspan.spans import Answer, Claim, Document, Span, Unread, cite, merge, sentences
from longspan.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """Documents made shorter.

    parts: what stays of each of which anything stays, in their order. tokens of total stay. usage: what a model read
    for it. seconds: what all of it took.
    """

    parts: tuple[Shortened, ...]
    tokens: int
    total: int
    usage: Usage
    seconds: float

    @property
    def rate(self) -> float:
        """The share of tokens that stays, 1 where there were none."""
        return self.tokens / self.total if self.total else 1.0

    @property
    def spans(self) -> tuple[Span, ...]:
        """What stays, in the documents' order, as characters of the documents."""
        return tuple(span for part in self.parts for span in part.spans)

    @property
    def documents(self) -> list[Document]:
        """The shorter documents, which anything can read in place of the whole ones."""
        return [part.document for part in self.parts]

    @property
    def text(self) -> str:
        """All that stays, documents with an empty line between them."""
        return "\n\n".join(each.text for each in self.documents)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; offsets count characters of a document's text, the end is exclusive."""
        documents = [
            {
                "document": part.original.name,
                "spans": [{"start": each.start, "end": each.end, "text": each.text} for each in part.spans],
            }
            for part in self.parts
        ]
        return {
            "text": self.text,
            "documents": documents,
            "tokens": self.tokens,
            "total_tokens": self.total,
            "rate": self.rate,
            "seconds": self.seconds,
            "usage": self.usage.to_dict(),
        }

    def describe(self) -> str:
        """One line for people."""
        return f"kept {self.tokens:,} of {self.total:,} tokens ({self.rate:.1%}) in {self.seconds:.1f} s"

    def traced(self, answer: Answer, question: str) -> Answer:
        """An answer about the shorter documents as one about the whole ones.

        Quotations and supporting sentences are looked for in the sentences of which anything stayed, so each citation
        points into a document; one that joins what stood apart is not verified. So are sources of claims, from the
        first to the last character that was read.
        """
        read = [sentence for part in self.parts for sentence in _around(part)]
        return replace(
            answer,
            citations=cite(answer.text, question, read) if answer.citations else (),
            claims=tuple(map(self._claim, answer.claims)),
            unread=tuple(Unread(span=self._back(each.span), reason=each.reason) for each in answer.unread),
            usage=self._together(answer.usage),
        )

    def _together(self, usage: Usage) -> Usage:
        return replace(
            usage,
            prompt_tokens=usage.prompt_tokens + self.usage.prompt_tokens,
            generated_tokens=usage.generated_tokens + self.usage.generated_tokens,
            peak_kv_bytes=max(usage.peak_kv_bytes, self.usage.peak_kv_bytes),
            prefill_seconds=usage.prefill_seconds + self.usage.prefill_seconds,
            decode_seconds=usage.decode_seconds + self.usage.decode_seconds,
            truncated_tokens=usage.truncated_tokens + self.total - self.tokens,
        )

    def _claim(self, claim: Claim) -> Claim:
        torn = any(self._part(each.document).apart(each.start, each.end) for each in claim.sources)
        state = "unverified" if torn and claim.state == "verified" else claim.state
        return replace(claim, sources=tuple(map(self._back, claim.sources)), state=state)

    def _back(self, span: Span) -> Span:
        return self._part(span.document).back(span.start, span.end)

    def _part(self, document: Document) -> Shortened:
        return next(part for part in self.parts if part.document is document or part.document == document)


def _around(part: Shortened) -> Iterator[Span]:
    """The sentences of a document of which anything stays."""
    spans = iter(part.spans)
    span = next(spans, None)
    kept = []
    for sentence in sentences(part.original):
        while span is not None and span.end <= sentence.start:
            span = next(spans, None)
        if span is None:
            break
        if span.start < sentence.end:
            kept.append(sentence)
    return iter(merge([*kept]))

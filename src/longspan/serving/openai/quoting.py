"""Quotes of an answer, checked against what was read, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from longspan.spans import Citation


def citations_of(citations: Iterable[Citation], index: int) -> list[dict[str, Any]]:
    """`longspan.citations`. index: of the answer. Offsets count characters of Unicode."""
    return [
        {
            "index": index,
            "quote": each.quote,
            "document": each.document or None,
            "number": each.number,
            "start": each.start,
            "end": each.end,
            "verified": each.verified,
            "place": each.place,
            "sentence": each.sentence,
        }
        for each in citations
    ]


def annotations_of(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """`annotations` of a message: the quotes that stand where they should."""
    return [
        {
            "type": "file_citation",
            "file_citation": place,
        }
        for place in places_of(citations)
    ]


def places_of(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """Where the quotes stand that stand where they should."""
    return [
        {
            "filename": each.document,
            "index": (each.number or 1) - 1,
            "quote": each.quote,
            "start_index": each.start,
            "end_index": each.end,
        }
        for each in citations
        if each.verified
    ]

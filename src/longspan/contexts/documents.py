"""The documents that conversations speak of: their names and pages in the manifest, their texts as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longspan.conversation import Conversation
from longspan.spans import Document, Places, Span


def documents_of(conversations: Sequence[Conversation]) -> list[Document]:
    """Each document once, in the order in which they were read."""
    return list(dict.fromkeys(span.document for each in conversations for span in each.spans))


def described(conversations: Sequence[Conversation]) -> dict[str, Any]:
    """What JSON can hold of some conversations, the texts of their documents as digests."""
    documents = documents_of(conversations)
    places = {document: place for place, document in enumerate(documents)}
    return {
        "documents": [
            {
                "name": document.name,
                "places": document.places.to_dict(),
                "notes": list(document.notes),
                "digest": hashlib.sha256(_encoded(document.text)).hexdigest(),
            }
            for document in documents
        ],
        "conversations": [
            each.state | {"spans": [[places[span.document], span.start, span.end] for span in each.spans]}
            for each in conversations
        ],
    }


def texts(documents: Sequence[Document]) -> dict[str, Tensor]:
    """The texts, as bytes."""
    return {
        str(number): torch.from_numpy(np.frombuffer(_encoded(document.text), dtype=np.uint8).copy())
        for number, document in enumerate(documents)
    }


def resume(
    conversations: Sequence[Conversation], facts: Mapping[str, Any], held: Mapping[str, Tensor]
) -> None:
    """Gives fresh conversations what `described` and `texts` took."""
    documents = [
        Document(
            said["name"],
            _decoded(held[str(number)]),
            Places.from_dict(said["places"]),
            tuple(said["notes"]),
        )
        for number, said in enumerate(facts["documents"])
    ]
    for conversation, said in zip(conversations, facts["conversations"], strict=True):
        conversation.resume(said, [Span(documents[place], start, end) for place, start, end in said["spans"]])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8")


def _decoded(data: Tensor) -> str:
    return bytes(data.numpy()).decode("utf-8")

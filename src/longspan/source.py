"""What can be read, and the tokens that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longspan.conversation import Conversation
from longspan.spans import Document, Span

Source = str | Document | Sequence[Span] | Sequence[int] | Tensor
"""What can be read: text, a document, parts of documents, or token ids."""


def all_ids(conversations: Sequence[Conversation], name: str, source: Any) -> list[list[int]]:
    """The tokens of a source, or of a list of one source for each of several conversations.

    name: what the source is called in the error for a list of another length.
    """
    size = len(conversations)
    sources = [source] if size == 1 else source
    if not isinstance(sources, Sequence) or isinstance(sources, str) or len(sources) != size:
        raise ValueError(f"{name} is not a list of {size} sources, one for each sequence of the session")
    return [_ids(conversation, each) for conversation, each in zip(conversations, sources, strict=True)]


def checked(ids: Sequence[int] | Tensor, vocabulary: int) -> list[int]:
    """Tokens, one or more, each below the size of the vocabulary."""
    tokens = torch.as_tensor(ids, dtype=torch.long)
    if tokens.ndim != 1 or len(tokens) == 0:
        raise ValueError(f"ids has shape {list(tokens.shape)}, allowed is [n] with n of 1 or more")
    if int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
        raise ValueError(
            f"ids has values {int(tokens.min())} .. {int(tokens.max())}, allowed 0 .. {vocabulary - 1}"
        )
    return [int(token) for token in tokens.tolist()]


def _ids(conversation: Conversation, source: Source) -> list[int]:
    if isinstance(source, str):
        return conversation.text(source)
    if isinstance(source, Document):
        return conversation.documents([Span(source, 0, len(source.text))])
    if isinstance(source, Tensor):
        return conversation.tokens(source.tolist())
    spans = [each for each in source if isinstance(each, Span)]
    if spans:
        return conversation.documents(spans)
    return conversation.tokens([int(each) for each in source])  # type: ignore[arg-type]

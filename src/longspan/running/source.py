"""What can be read, and the tokens that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from longspan.conversation import Conversation
from longspan.running.inputs import Row, Vectors, rows_among
from longspan.spans import Document, Span


@dataclass(frozen=True)
class Prompt:
    """What some sequences read next, and what is said in them when they have.

    ids: tokens of each. questions: the tokens after them that ask, None where nothing does. back: how many tokens at
    the end, announced before, they take the place of. conversations: those that follow, with what they hold back.
    past: those that it was made behind.
    """

    ids: list[list[int]]
    questions: list[list[int]] | None
    back: list[int]
    conversations: list[Conversation] = field(repr=False)
    past: list[Conversation] = field(repr=False)

    @classmethod
    def of(cls, conversations: Sequence[Conversation], source: Any, question: Any = None) -> Self:
        """A source, and what asks about it, or lists of one of each for each of several conversations.

        source: also a prompt of what is read, made before behind conversations that are alike; ValueError for others.
        """
        if isinstance(source, Prompt):
            drafts, ids, back = source._again(conversations)
        else:
            drafts = [conversation.fork() for conversation in conversations]
            ids = _all_ids(drafts, "source", source)
            back = [draft.back for draft in drafts]
        asking = None
        if question is not None:
            held = [draft.held for draft in drafts]
            asking = _all_ids(drafts, "question", question)
            for draft, mine, asked, before in zip(drafts, ids, asking, held, strict=True):
                mine += asked[: draft.again] if draft.back else before
                del asked[: draft.again]
        return cls(ids, asking, back, drafts, _forks(conversations))

    @classmethod
    def asked(
        cls,
        conversation: Conversation,
        question: str,
        about: Document | Sequence[Document] | Sequence[Span] | Prompt,
    ) -> Self:
        """A question about what was read and about further documents, or about a prompt of what is read before it."""
        past = [conversation.fork()]
        if isinstance(about, Prompt):
            (draft,), (ids,), back = about._again([conversation])
            ids += draft.held
            before, asking = draft.question(question, ())
            ids[len(ids) - draft.back :] = before
            return cls([ids], [asking], back, [draft], past)
        draft = conversation.fork()
        about = [about] if isinstance(about, Document) else about
        spans = [Span(each, 0, len(each.text)) if isinstance(each, Document) else each for each in about]
        ids, asking = draft.question(question, spans)
        return cls([ids], [asking], [draft.back], [draft], past)

    @classmethod
    def all(cls, prompts: Sequence[Prompt]) -> Self:
        """Several that ask, as one of all their sequences."""
        questions = [asked for each in prompts for asked in each.questions or [[]]]
        gathered = [
            [one for each in prompts for one in getattr(each, name)]
            for name in ("ids", "back", "conversations", "past")
        ]
        return cls(gathered[0], questions, *gathered[1:])

    def __len__(self) -> int:
        return sum(map(len, [*self.ids, *self.held, *(self.questions or [])])) - sum(self.back)

    @property
    def held(self) -> list[list[int]]:
        """The tokens of each that are announced, since what follows may still change them."""
        return [conversation.held for conversation in self.conversations]

    def counts(self, vocabulary: int, width: int) -> list[int]:
        """How many tokens each sequence grows by. Raises ValueError for none, for tokens that the model lacks, and for
        vectors of another width than its own."""
        asking = self.questions or [[] for _ in self.ids]
        counts = []
        for number, (ids, asked, held, back) in enumerate(
            zip(self.ids, asking, self.held, self.back, strict=True)
        ):
            with _told(number, len(self.ids)):
                counts.append(len(checked([*ids, *asked, *held], vocabulary, width)) - back)
        return counts

    def after(self, tokens: Sequence[Sequence[int]]) -> list[list[int]]:
        """All tokens of each sequence, those before given."""
        return [
            [*before[: len(before) - back], *ids, *held]
            for before, ids, held, back in zip(tokens, self.ids, self.held, self.back, strict=True)
        ]

    def _again(
        self, conversations: Sequence[Conversation]
    ) -> tuple[list[Conversation], list[list[int]], list[int]]:
        """Its conversations, tokens and places taken, as if they were made anew behind these conversations."""
        if self.questions is not None:
            raise ValueError("prompt asks a question already; give one of what is read before the question")
        if len(conversations) != len(self.past) or not all(map(Conversation.alike, conversations, self.past)):
            raise ValueError(
                "prompt was made behind something else than this session has read; make it again from its source"
            )
        return _forks(self.conversations), [list(each) for each in self.ids], list(self.back)


Source = str | Document | Sequence[Span] | Sequence[int] | Tensor | Vectors | Prompt
"""What can be read: text, a document, parts of documents, token ids, vectors in their place, or the prompt that these
have become."""


def _forks(conversations: Sequence[Conversation]) -> list[Conversation]:
    return [conversation.fork() for conversation in conversations]


def _all_ids(conversations: Sequence[Conversation], name: str, source: Any) -> list[list[int]]:
    """The tokens of a source, or of a list of one source for each of several conversations."""
    size = len(conversations)
    sources = [source] if size == 1 else source
    if not isinstance(sources, Sequence) or isinstance(sources, str) or len(sources) != size:
        raise ValueError(f"{name} is not a list of {size} sources, one for each sequence of the session")
    if size == 1 and isinstance(source, list | tuple) and source and isinstance(source[0], str):
        raise ValueError(
            f"{name} is a list of texts; give one text, or open the session with size={len(source)}"
        )
    found = []
    for number, (conversation, each) in enumerate(zip(conversations, sources, strict=True)):
        with _told(number, size):
            found.append(_ids(conversation, each, name))
    return found


@contextmanager
def _told(number: int, size: int) -> Iterator[None]:
    """What is wrong with a source says whose it is, where there are several."""
    try:
        yield
    except ValueError as error:
        if size == 1:
            raise
        raise ValueError(f"sequence {number}: {error}") from None


def checked(ids: Sequence[int] | Tensor, vocabulary: int, width: int) -> list[int]:
    """Tokens, one or more, each below the size of the vocabulary, with vectors of a width among them."""
    tokens = _whole(ids)
    if len(tokens) == 0:
        raise ValueError(_shape(tokens))
    rows = () if isinstance(ids, Tensor) else rows_among(ids)
    for row in rows:
        if len(row.vector) != width:
            raise ValueError(f"vectors have a width of {len(row.vector)}, the model's is {width}")
    if rows:
        tokens = tokens[torch.tensor([not isinstance(each, Row) for each in ids])]
        if len(tokens) == 0:
            return list(ids)
    if int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
        raise ValueError(
            f"ids has values {int(tokens.min())} .. {int(tokens.max())}, allowed 0 .. {vocabulary - 1}"
        )
    return list(ids) if rows else [int(token) for token in tokens.tolist()]


def _ids(conversation: Conversation, source: Source, name: str) -> list[int]:
    if isinstance(source, str):
        return conversation.text(source)
    if isinstance(source, Document):
        return conversation.documents([Span(source, 0, len(source.text))])
    if isinstance(source, Vectors):
        return conversation.tokens(source.ids, [source.span] if source.span else ())
    if isinstance(source, Sequence) and source and all(isinstance(each, Span) for each in source):
        return conversation.documents(cast("Sequence[Span]", source))
    return conversation.tokens(_whole(source, name).tolist())


def _whole(ids: Any, name: str = "source") -> Tensor:
    """Token ids as int64; ValueError for what is no list of whole numbers."""
    if isinstance(ids, Tensor):
        whole = not (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool)
    elif hasattr(ids, "dtype"):
        whole = np.issubdtype(ids.dtype, np.integer)
    else:
        whole = isinstance(ids, Sequence) and not isinstance(ids, str | bytes | bytearray | memoryview)
        whole = whole and all(
            isinstance(each, int | np.integer) and not isinstance(each, bool) for each in ids
        )
    if not whole:
        kind = type(ids).__name__ + (f" of {ids.dtype}" if hasattr(ids, "dtype") else "")
        raise ValueError(
            f"{name} is a {kind}; give a text, a document, parts of documents, or whole numbers as token ids"
        )
    try:
        tokens = torch.as_tensor(ids, dtype=torch.long)
    except (OverflowError, ValueError, TypeError):
        raise ValueError("ids has values beyond 64 bits, allowed are the tokens of the vocabulary") from None
    if tokens.ndim != 1:
        raise ValueError(_shape(tokens))
    return tokens


def _shape(ids: Tensor) -> str:
    return (
        f"ids has shape {list(ids.shape)}, allowed is [n] with n of 1 or more; "
        "give a text that is not empty, or the token ids of one sequence"
    )

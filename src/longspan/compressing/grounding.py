"""Semantic Grounding Index: whether an answer went towards the context, or stayed with the question."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longspan.retrieval.embedders.base import Embedder
from longspan.spans import Span

Embed = Callable[[str], ArrayLike]
"""A text's vector, of any length but 0."""


UNINFORMATIVE = 0.2
"""Radians between question and context, below which the index says nothing."""


@dataclass(frozen=True, kw_only=True)
class Grounding:
    """Angles in radians between answer, question and context in embedding space."""

    to_question: float
    to_context: float
    question_to_context: float

    @property
    def sgi(self) -> float:
        """Angle of the answer to the question over its angle to the context: above 1 it is closer to the context.

        Infinite where the answer points exactly where the context does.
        """
        return self.to_question / self.to_context if self.to_context else math.inf

    @property
    def informative(self) -> bool:
        """Whether question and context are far enough apart for the index to say anything."""
        return self.question_to_context >= UNINFORMATIVE

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest index that the triangle inequality allows at this angle to the context."""
        if not self.to_context:
            return math.inf, math.inf
        apart = self.question_to_context / self.to_context
        return abs(apart - 1), apart + 1

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them; an infinite index is null."""
        return {
            "sgi": self.sgi if math.isfinite(self.sgi) else None,
            "to_question": self.to_question,
            "to_context": self.to_context,
            "question_to_context": self.question_to_context,
        }


def grounding(question: str, context: str, answer: str, embed: Embed) -> Grounding:
    """The Semantic Grounding Index of an answer, https://arxiv.org/abs/2512.13771.

    It tells whether the answer engages with the context, not whether it is true, and only as well as the embedding
    tells meanings apart. embed: any function from text to vector; the paper uses sentence-embedding models, such as
    `Endpoint.embedding` asks of a server; with `embedder(model)` the index says nothing. Raises
    ValueError for an empty text, and for a vector that has no direction.
    """
    q, c, r = (
        _direction(name, _vector(name, text, embed))
        for name, text in (("question", question), ("context", context), ("answer", answer))
    )
    return _between(q, c, r)


def grounded(answer: str, question: str, read: Sequence[Span], embedder: Embedder) -> Grounding:
    """The index of an answer to what was read, however long: its context is the mean of the spans' vectors.

    As a check: an answer that is nearer to its question than to what was read may rest on nothing of it, if the index
    is informative. Raises ValueError for an empty text.
    """
    rows = [
        _vector("read", span.text, lambda text: embedder.embed([text])[0])
        for span in read
        if span.text.strip()
    ]
    if not rows:
        raise ValueError("read has no text; give the spans that the answer rests on")
    return _between(
        _direction("question", _vector("question", question, embedder.embed_query)),
        _direction("read", np.mean(rows, axis=0)),
        _direction("answer", _vector("answer", answer, lambda text: embedder.embed([text])[0])),
    )


def _between(q: NDArray[np.float64], c: NDArray[np.float64], r: NDArray[np.float64]) -> Grounding:
    return Grounding(to_question=_angle(r, q), to_context=_angle(r, c), question_to_context=_angle(q, c))


def _vector(name: str, text: str, embed: Embed) -> NDArray[np.float64]:
    if not text.strip():
        raise ValueError(f"{name} is empty; give its text")
    return np.asarray(embed(text), dtype=np.float64)


def _direction(name: str, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vector)
    if vector.ndim != 1 or not math.isfinite(length) or length == 0:
        raise ValueError(
            f"embed gives a vector of shape {list(vector.shape)} and length {length} for the {name}; "
            "allowed is [d] with a finite length above 0"
        )
    unit: NDArray[np.float64] = vector / length
    return unit


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Between unit vectors; exact for small angles too, where the arc cosine is not."""
    return 2 * math.atan2(float(np.linalg.norm(a - b)), float(np.linalg.norm(a + b)))

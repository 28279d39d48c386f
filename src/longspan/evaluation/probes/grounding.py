"""Semantic Grounding Index: whether an answer went towards the context, or stayed with the question."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from longspan.plan import Plan
from longspan.spans import tokenize

if TYPE_CHECKING:
    from longspan.model import Model

Embed = Callable[[str], ArrayLike]
"""A text's vector, of any length but 0."""


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
        _direction(name, text, embed)
        for name, text in (("question", question), ("context", context), ("answer", answer))
    )
    return Grounding(to_question=_angle(r, q), to_context=_angle(r, c), question_to_context=_angle(q, c))


def embedder(model: Model, plan: Plan | str | None = None, *, chunk: int = 2048) -> Embed:
    """Embeds a text as the mean of the model's last hidden states over its tokens, read in chunks under a plan.

    A language model is not trained to embed: its states lie in a narrow cone and follow a text's form and length more
    than its meaning, so that an answer from the context can have a lower index than a sentence on anything else. Do
    not judge answers by it; it is for looking at the states themselves. The function that
    is returned raises WindowExceeded for a text longer than the plan allows; while it runs, no other thread may use
    the model.
    """

    def embed(text: str) -> NDArray[np.float32]:
        ids = tokenize(model.tokenizer, text, plain=True).ids
        total = torch.zeros(0)

        def add(module: object, given: object, result: Any) -> None:
            nonlocal total
            states = result.last_hidden_state[0].float().sum(0)
            total = total + states if len(total) else states

        hook = model.network.base_model.register_forward_hook(add)
        try:
            with model.session(plan, chunk=chunk) as session:
                session.read(ids)
        finally:
            hook.remove()
        mean: NDArray[np.float32] = (total / len(ids)).cpu().numpy()
        return mean

    return embed


def _direction(name: str, text: str, embed: Embed) -> NDArray[np.float64]:
    if not text.strip():
        raise ValueError(f"{name} is empty; give its text")
    vector = np.asarray(embed(text), dtype=np.float64)
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

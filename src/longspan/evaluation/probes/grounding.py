"""The model's own states as vectors of texts, for the Semantic Grounding Index of `compressing.grounding`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from longspan.compressing.grounding import Embed, Grounding, grounding
from longspan.plan import Plan
from longspan.spans import tokenize

if TYPE_CHECKING:
    from longspan.model import Model

__all__ = ["Embed", "Grounding", "embedder", "grounding"]


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

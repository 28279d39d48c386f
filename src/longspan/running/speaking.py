"""How a sequence goes on: tokens drawn, and their text, until an end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from longspan.parameters import check_whole
from longspan.running.generation import MAX_NEW_TOKENS, Step
from longspan.sampling import Sampler, Sampling
from longspan.streaming import TextStream

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Speaker:
    """How one sequence speaks, checked: its draws, its text, and where it ends. number: the sequence's, in its steps.

    limit: tokens at most. count: tokens so far. draws: how they are drawn.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        device: torch.device,
        *,
        number: int = 0,
        max_new_tokens: int = MAX_NEW_TOKENS,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] = (),
    ) -> None:
        check_whole("max_new_tokens", max_new_tokens, 1)
        self.limit, self.count, self._number = max_new_tokens, 0, number
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
        self._stream = TextStream(tokenizer, stop)
        self.draws = Sampler(sampling, device)

    def step(self, logits: Tensor | None, ends: Collection[int]) -> Step:
        """The next token, drawn from the logits `[vocab]`. ends: tokens that end what is said."""
        return self.say(self.draw(logits), ends)

    def draw(self, logits: Tensor | None) -> int:
        """A token that may come next, from the logits `[vocab]`."""
        return self.draws.draw(logits)

    def say(self, token: int, ends: Collection[int]) -> Step:
        """The next token, which was drawn already."""
        stream = self._stream
        self.count += 1
        text = "" if token in ends else stream.push(token)
        finished: Literal["", "stop", "length"] = "length" if self.count == self.limit else ""
        if token in ends or stream.stopped:
            finished = "stop"
        if finished:
            text += stream.flush()
        return Step(sequence=self._number, token=token, text=text, finished=finished)

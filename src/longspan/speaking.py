"""How a session's sequences go on: tokens drawn, and their text, until an end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from longspan.generation import MAX_NEW_TOKENS, Step
from longspan.parameters import check_whole
from longspan.sampling import Sampler, Sampling
from longspan.streaming import TextStream

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Speaker:
    """What `Session.generate` takes, checked, and the state of each sequence's draws and text.

    limit: tokens a sequence at most.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        device: torch.device,
        size: int,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] = (),
    ) -> None:
        check_whole("max_new_tokens", max_new_tokens, 1)
        self.limit = max_new_tokens
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
        self._streams = [TextStream(tokenizer, stop) for _ in range(size)]
        self._samplers = [Sampler(sampling, device) for _ in range(size)]

    def step(self, sequence: int, logits: Tensor | None, ends: Collection[int], *, last: bool) -> Step:
        """The next token of a sequence, drawn from the logits `[vocab]`.

        ends: tokens that end it. last: whether no other may follow.
        """
        token, stream = self._samplers[sequence].draw(logits), self._streams[sequence]
        text = "" if token in ends else stream.push(token)
        finished: Literal["", "stop", "length"] = "length" if last else ""
        if token in ends or stream.stopped:
            finished = "stop"
        if finished:
            text += stream.flush()
        return Step(sequence=sequence, token=token, text=text, finished=finished)

"""How a sequence goes on: tokens drawn, and their text, until an end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, Unpack

import torch
from torch import Tensor

from longspan.chat import Reasoning
from longspan.forms.form import Form
from longspan.forms.matching import Matching
from longspan.forms.reasoned import Reasoned
from longspan.forms.vocabulary import vocabulary_of
from longspan.parameters import check_whole
from longspan.running.generation import MAX_NEW_TOKENS, Generation, Step
from longspan.sampling.sampler import Chosen, Sampler
from longspan.sampling.settings import Drawing, Sampling
from longspan.spans import split_reasoning
from longspan.spans.logprobs import Logprob, Logprobs
from longspan.spans.pieces import pieces_of
from longspan.streaming import TextStream

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from longspan.seam.seam import Seam


_NOTHING = Chosen()


class Speaker:
    """How one sequence speaks, checked: its draws, its text, and where it ends.

    number: the sequence's, in its steps. vocabulary: tokens of the model, None where nobody knows. form: what it must
    say. reasoning: whether it may reason before that. limit: tokens at most. count: tokens so far. draws: how they are
    drawn, which may be ahead of what was said.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        device: torch.device,
        *,
        number: int = 0,
        vocabulary: int | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        stop: str | Sequence[str] = (),
        shown: Sequence[str] = (),
        form: Form | None = None,
        reasoning: Reasoning = "none",
        **drawing: Unpack[Drawing],
    ) -> None:
        check_whole("max_new_tokens", max_new_tokens, 1)
        self.limit, self.count, self._number, self._read = max_new_tokens, 0, number, 0
        sampling = Sampling(**drawing)
        if vocabulary is not None:
            sampling.check_vocabulary(vocabulary)
        self._stream = TextStream(tokenizer, stop, shown)
        self._tokenizer = tokenizer
        self._form, self._reasoning = form, reasoning
        self._text = ""
        self.draws = Sampler(sampling, device, self._followed(form))

    def begin(self, read: Sequence[int], ends: Collection[int]) -> None:
        """What was read before the first token, and the tokens that end what is said."""
        self._read = len(read)
        self.draws.begin(read, ends)

    def check(self, seen: int) -> None:
        """Raises ValueError where a text of so many tokens is not the one that this speaker went on with."""
        if seen != self._read + self.count:
            raise ValueError(
                f"text has {seen:,} tokens where {self._read:,} were read and {self.count:,} said; generate again"
            )

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
        chosen = self.draws.said() or _NOTHING
        finished: Literal["", "stop", "length"] = "length" if self.count == self.limit else ""
        if token in ends or stream.stopped or chosen.closed:
            finished = "stop"
        if finished:
            text += stream.flush()
        complete = chosen.complete
        if self._form is not None:
            self._text += text
            if stream.stopped:
                begun = self._reasoning == "begun"
                complete = self._form.holds(split_reasoning(self._text, begun=begun, exact=True)[1])
        return Step(
            sequence=self._number,
            token=token,
            text=text,
            finished=finished,
            logprobs=None if chosen.logprobs is None else self._told(chosen.logprobs),
            complete=complete,
            stop=stream.stopped_by if finished else None,
        )

    def _followed(self, form: Form | None) -> Matching | Reasoned | None:
        if form is None:
            return None
        vocabulary = vocabulary_of(self._tokenizer)
        matching = Matching(form, vocabulary)
        if self._reasoning == "none":
            return matching
        return Reasoned(matching, vocabulary, begun=self._reasoning == "begun")

    def _told(self, found: Sequence[tuple[int, float]]) -> Logprobs:
        data = pieces_of(self._tokenizer).data
        own, *likeliest = (Logprob(token=token, data=data(token), value=value) for token, value in found)
        return Logprobs(own=own, likeliest=tuple(likeliest))


def speakers(
    seam: Seam,
    tokenizer: PreTrainedTokenizerFast,
    size: int,
    seeds: Sequence[int] | None = None,
    **generation: Unpack[Generation],
) -> list[Speaker]:
    """Those of so many sequences. seeds: one for each of them, None for the one that they are given together."""
    each = [generation.get("seed")] * size if seeds is None else list(seeds)
    if len(each) != size:
        raise ValueError(f"seeds has {len(each)} numbers, allowed is {size}; give one for each sequence")
    vocabulary, found = seam.config.vocab_size, []
    for number, seed in enumerate(each):
        generation["seed"] = seed
        found.append(Speaker(tokenizer, seam.device, number=number, vocabulary=vocabulary, **generation))
    return found

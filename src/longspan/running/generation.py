"""What generating takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from longspan.chat import Reasoning
from longspan.forms.form import Form
from longspan.sampling.settings import Drawing
from longspan.spans.logprobs import Logprobs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MAX_NEW_TOKENS = 256
ANSWER_TOKENS = 1024
"""Tokens that may follow what is read before more positions are needed, where these take their factor from it."""


class Generation(Drawing, total=False):
    """What `Session.generate` takes, for functions that pass it on: the fields of `Sampling`, and what follows.

    max_new_tokens, stop: where it ends. shown: special tokens that are text nevertheless. form: what it must be.
    reasoning: whether a reasoning may come before the form, which `ask` finds out by itself.
    """

    max_new_tokens: int
    stop: str | Sequence[str]
    shown: Sequence[str]
    form: Form | None
    reasoning: Reasoning


@dataclass(frozen=True, kw_only=True)
class Step:
    """One generated token of one sequence.

    text: what became certain with it, possibly nothing yet. finished: why the sequence ended with this token,
    "stop" for an end token or a stop string, "length" for max_new_tokens, "" while it goes on. logprobs: how likely the
    token was to the model, and which were likeliest, None unless asked for. complete: whether all that was said is of
    the form that was asked for, if one was. stop: the stop string that ended the sequence.
    """

    sequence: int
    token: int
    text: str
    finished: Literal["", "stop", "length"] = ""
    logprobs: Logprobs | None = None
    complete: bool = True
    stop: str | None = None


@dataclass(kw_only=True)
class Said:
    """All that one sequence said so far: its text, how likely its tokens were, and whether it is of its form."""

    text: str = ""
    complete: bool = True
    logprobs: list[Logprobs] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """A step more."""
        self.text += step.text
        self.complete = step.complete
        if step.logprobs is not None:
            self.logprobs.append(step.logprobs)


def end_tokens(network: Any, tokenizer: PreTrainedTokenizerFast, mark: int | None = None) -> set[int]:
    """The tokens with which the model ends what it says: its own, its tokenizer's, and its template's mark."""
    ends = network.generation_config.eos_token_id
    found = set(ends) if isinstance(ends, list) else {ends}
    return (found | {tokenizer.eos_token_id, mark}) - {None}

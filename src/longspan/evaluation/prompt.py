"""A sample as token ids, cut where the context ends, so that the context can be read once for many questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from longspan.chat import first_turn
from longspan.conversation import begin_ids
from longspan.errors import UnsupportedModel
from longspan.evaluation.sample import Sample
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TooLong = Literal["skip", "middle", "start", "end"]
"""What becomes of a sample that does not fit: not answered, or its context cut in the middle, at its start or end."""


Turn: TypeAlias = tuple[str, str]
"""What a user says, and what the assistant answers."""

_MARK = "\u2983longspan-said-{}\u2984"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Token ids of the context, with what stands before it, and of the question, with what stands after it.

    head: how many ids of the context are not the text's own. truncated: tokens that were cut out of the context.
    """

    context: list[int]
    question: list[int]
    head: int
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.context) + len(self.question)

    def cut(self, room: int, where: TooLong) -> Prompt | None:
        """A prompt of at most `room` tokens, None where the text would have to vanish or `where` is skip."""
        over = len(self) - room
        if over <= 0:
            return self
        body = self.context[self.head :]
        if where == "skip" or over >= len(body):
            return None
        kept = len(body) - over
        first = {"middle": kept - kept // 2, "start": 0, "end": kept}[where]
        body = body[:first] + body[len(body) - (kept - first) :]
        return Prompt(
            context=self.context[: self.head] + body, question=self.question, head=self.head, truncated=over
        )


def prompt_of(
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    *,
    chat: bool,
    system: str | None = None,
    turns: Sequence[Turn] = (),
) -> Prompt:
    """The sample under the model's chat template, its answer begun with the sample's prefix.

    system: the system's words. turns: solved examples, before the user's words.
    """
    if chat:
        before, after = _opened(tokenizer, system, turns)
    else:
        before, after = [], []
    begin = begin_ids(tokenizer)
    head = before if before[: len(begin)] == begin else begin + before
    return Prompt(
        context=head + _plain(tokenizer, sample.context),
        question=_plain(tokenizer, sample.question) + after + _plain(tokenizer, sample.prefix),
        head=len(head),
    )


def _opened(
    tokenizer: PreTrainedTokenizerFast, system: str | None, turns: Sequence[Turn]
) -> tuple[list[int], list[int]]:
    """The ids before and after the user's words. What others said before is read as plain text."""
    if system is None and not turns:
        frame = first_turn(tokenizer)
        return tokenize(tokenizer, frame.before).ids, tokenize(tokenizer, frame.after).ids
    said = [("system", system)] if system is not None else []
    said += [each for user, assistant in turns for each in (("user", user), ("assistant", assistant))]
    before: list[int] = []
    rest = _rendered(tokenizer, [role for role, _ in said])
    for number, (_, words) in enumerate(said):
        piece, _, rest = rest.partition(_MARK.format(number))
        before += tokenize(tokenizer, piece).ids + _plain(tokenizer, words)
    piece, _, rest = rest.partition(_MARK.format(len(said)))
    return before + tokenize(tokenizer, piece).ids, tokenize(tokenizer, rest).ids


def _rendered(tokenizer: PreTrainedTokenizerFast, roles: Sequence[str]) -> str:
    """A dialogue of these roles and then the user, with marks for what they say."""
    marks = [_MARK.format(number) for number in range(len(roles) + 1)]
    if tokenizer.chat_template is None:
        form = {"system": "{}\n\n", "user": "{}\nAnswer:", "assistant": " {}\n\n"}
        return "".join(form[role].format(mark) for role, mark in zip((*roles, "user"), marks, strict=True))
    messages = [{"role": role, "content": mark} for role, mark in zip((*roles, "user"), marks, strict=True)]
    try:
        text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # a template is a program of the model's, which can fail in any way
        raise UnsupportedModel(
            f"the chat template of this model takes no dialogue of {', '.join(roles)}, user "
            f"({' '.join(str(error).split())[:200]}); leave out --system, or give examples with --few-shot-as text"
        ) from error
    places = [text.find(mark) for mark in marks]
    if -1 in places or places != sorted(places):
        raise UnsupportedModel(
            f"the chat template of this model leaves out or moves what is said in a dialogue of {', '.join(roles)}, "
            "user; leave out --system, or give examples with --few-shot-as text"
        )
    return text


def _plain(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenize(tokenizer, text, plain=True).ids if text else []


def overhead(
    tokenizer: PreTrainedTokenizerFast, system: str | None = None, turns: Sequence[Turn] = ()
) -> int:
    """Tokens that the chat template adds to a prompt, with the system's words and solved examples."""
    empty = Sample(id="", context="", question="", references=())
    return len(prompt_of(tokenizer, empty, chat=True, system=system, turns=turns))

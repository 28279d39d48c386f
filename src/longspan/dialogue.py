"""A dialogue under a model's chat template, with places held for what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longspan.chat import Reasoning, reasoning_of
from longspan.conversation import begin_ids
from longspan.errors import UnsupportedModel
from longspan.spans import encoder_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_MARK = "\u2983longspan-said-{}\u2984"


def pieces(
    tokenizer: PreTrainedTokenizerFast, roles: Sequence[str], variables: Mapping[str, Any] | None = None
) -> list[str]:
    """What stands before, between and after what these roles say, up to where the assistant answers.

    A model without a template gets plain lines. Raises UnsupportedModel for a template that takes no such dialogue.
    """
    text = _rendered(tokenizer, roles, variables or {})
    found = []
    for number in range(len(roles)):
        piece, _, text = text.partition(_MARK.format(number))
        found.append(piece)
    return [*found, text]


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """A dialogue as tokens up to where the assistant answers.

    ids: of all tokens. starts: where each begins in the text that they are of, -1 for those that the tokenizer puts
    before every text. said: where what each message says begins in that text; it stands there unchanged. reasoning:
    whether the assistant reasons first.
    """

    ids: list[int]
    starts: list[int]
    said: list[int]
    reasoning: Reasoning


def dialogue(
    tokenizer: PreTrainedTokenizerFast,
    messages: Sequence[tuple[str, str]],
    variables: Mapping[str, Any] | None = None,
) -> Dialogue:
    """(role, words) pairs as tokens. Control tokens that somebody spells out have no power."""
    encoder = encoder_of(tokenizer)
    *before, last = pieces(tokenizer, [role for role, _ in messages], variables)
    text, said = "", []
    for piece, (_, words) in zip(before, messages, strict=True):
        text += encoder.written(piece, before=text[-1:], after=words[:1])
        said.append(len(text))
        text += words
    ids, starts = encoder.after("", text + encoder.written(last, before=text[-1:]))
    begin = begin_ids(tokenizer) if tokenizer.chat_template is None else []
    return Dialogue(
        ids=begin + ids, starts=[-1] * len(begin) + starts, said=said, reasoning=reasoning_of(last)
    )


def dialogue_ids(
    tokenizer: PreTrainedTokenizerFast,
    messages: Sequence[tuple[str, str]],
    variables: Mapping[str, Any] | None = None,
) -> tuple[list[int], Reasoning]:
    """The token ids of (role, words) pairs up to where the assistant answers, and whether it reasons there."""
    found = dialogue(tokenizer, messages, variables)
    return found.ids, found.reasoning


def _rendered(tokenizer: PreTrainedTokenizerFast, roles: Sequence[str], variables: Mapping[str, Any]) -> str:
    """The dialogue with marks for what is said."""
    marks = [_MARK.format(number) for number in range(len(roles))]
    if tokenizer.chat_template is None:
        form = {"system": "{}\n\n", "user": "{}\nAnswer:", "assistant": " {}\n\n"}
        return "".join(form[role].format(mark) for role, mark in zip(roles, marks, strict=True))
    messages = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
    asked = f"a dialogue of {', '.join(roles)}"
    try:
        text = str(
            tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **variables)
        )
    except Exception as error:  # a template is a program of the model's, which can fail in any way
        raise UnsupportedModel(
            f"the chat template of this model takes no {asked.removeprefix('a ')} "
            f"({' '.join(str(error).split())[:200]}); leave out the system's words, or say earlier turns as text"
        ) from error
    places = [text.find(mark) for mark in marks]
    if -1 in places or places != sorted(places):
        raise UnsupportedModel(
            f"the chat template of this model leaves out or moves what is said in {asked}; leave out the system's "
            "words, or say earlier turns as text"
        )
    return text

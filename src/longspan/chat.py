"""Chat templates, cut open so that a document can be read before the question is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longspan.errors import UnsupportedModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MARK = "\u2983longspan-content-{}\u2984"


@dataclass(frozen=True)
class Frame:
    """What stands before and after the words of a user, up to where the assistant begins to speak."""

    before: str
    after: str


def first_turn(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """The frame of a conversation's first question. A model without a template gets plain lines."""
    if tokenizer.chat_template is None:
        return Frame("", "\nAnswer:")
    return _cut(_render(tokenizer, 1), tokenizer, 0)


def next_turn(tokenizer: PreTrainedTokenizerBase, *, ended: bool) -> Frame:
    """The frame of a further question; ended: whether the assistant's last words already carry their end mark."""
    if tokenizer.chat_template is None:
        return Frame("\n\nQuestion: ", "\nAnswer:")
    text = _render(tokenizer, 3)
    mark = _MARK.format(1)
    if mark not in text:
        raise _unusable(tokenizer)
    frame = _cut(text.split(mark, 1)[1], tokenizer, 2)
    end = tokenizer.eos_token or ""
    return Frame(frame.before.removeprefix(end), frame.after) if ended and end else frame


def _render(tokenizer: PreTrainedTokenizerBase, turns: int) -> str:
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": _MARK.format(turn)} for turn in range(turns)]
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def _cut(text: str, tokenizer: PreTrainedTokenizerBase, turn: int) -> Frame:
    before, mark, after = text.partition(_MARK.format(turn))
    if not mark:
        raise _unusable(tokenizer)
    return Frame(before, after)


def _unusable(tokenizer: PreTrainedTokenizerBase) -> UnsupportedModel:
    return UnsupportedModel(
        f"the chat template of {tokenizer.name_or_path or 'this model'} rewrites what the user says; "
        "read its prompt as text with session.read(...) and session.generate(...)"
    )

"""Chat templates, cut open so that a document can be read before the question is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from longspan.errors import UnsupportedModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MARK = '⦃Longspan\'s "content" {}\n\t& <kept> as\\it is, {{all}} of it⦄'
"""Stands for what somebody says. Whatever a template may do to words, but for blanks at their ends, would change it."""

_OWN = {
    "messages",
    "tools",
    "documents",
    "add_generation_prompt",
    "tokenize",
    "chat_template",
    "conversation",
}


Reasoning = Literal["none", "may", "begun"]
"""Whether a model may still begin to reason where its prompt ends, or has begun to."""


def reasoning_of(after: str) -> Reasoning:
    """What the words of a template between the user's and the assistant's say of it."""
    _, closed, rest = after.rpartition("</think>")
    return "begun" if "<think>" in rest else "none" if closed else "may"


@dataclass(frozen=True)
class Frame:
    """What stands before and after the words of a user, up to where the assistant begins to speak."""

    before: str
    after: str


class ChatTemplate:
    """A model's chat template as the model's own library renders it.

    variables: what the template is given besides the messages, such as enable_thinking.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, variables: Mapping[str, Any] | None = None
    ) -> None:
        self.tokenizer, self.variables = tokenizer, dict(variables or {})

    def frame(self, turn: int, first: str = "", last: str = "") -> Frame:
        """The frame of a user's turn, counted from 0, in the rendering of the whole conversation up to it.

        It begins where the assistant's words before it end, or with the text. first, last: the blanks with which the
        user's words begin and end, as far as the template leaves them they are part of the frame. A model without a
        template gets plain lines. Raises UnsupportedModel for a template that fails or rewrites what is said.
        """
        if self.tokenizer.chat_template is None:
            return Frame(first if turn == 0 else f"\n\nQuestion: {first}", f"{last}\nAnswer:")
        mark, past = _MARK.format(2 * turn), _MARK.format(2 * turn - 1)
        said = [_MARK.format(number) for number in range(2 * turn)]
        for parts in (False, True):
            text = self._rendered([*said, f"{first}{mark}{last}"], parts=parts)
            before, found, after = text.partition(mark)
            if turn:
                _, met, before = before.rpartition(past)
            if found and mark not in after and (not turn or met):
                return Frame(before, after)
        raise UnsupportedModel(
            f"the chat template of {self._name} rewrites what the user says; "
            "read its prompt as text with session.read(...) and session.generate(...)"
        )

    def _rendered(self, contents: list[str], *, parts: bool) -> str:
        """parts: whether each content is a list of parts, as models that also see pictures have it."""
        messages: list[dict[str, Any]] = [
            {
                "role": ("user", "assistant")[number % 2],
                "content": [{"type": "text", "text": content}] if parts else content,
            }
            for number, content in enumerate(contents)
        ]
        try:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **self.variables
            )
        except Exception as error:
            if parts:
                return ""
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UnsupportedModel(
                f"the chat template of {self._name} fails ({reason[:300]}); "
                "give its variables with template=..., or read its prompt as text with session.read(...)"
            ) from None
        return str(text)

    @property
    def _name(self) -> str:
        return getattr(self.tokenizer, "name_or_path", "") or "this model"


def check_variables(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    """The variables of a template. Raises ValueError for names that it has itself and values that JSON cannot hold."""
    if variables is None:
        return {}
    if not isinstance(variables, Mapping):
        raise ValueError(f"template={variables!r} is no mapping; write template={{'enable_thinking': False}}")
    for name, value in variables.items():
        if not isinstance(name, str) or not name.isidentifier() or name in _OWN:
            raise ValueError(f"template has {name!r}, allowed are names of a template's own variables")
        try:
            same = json.loads(json.dumps(value)) == value
        except (TypeError, ValueError):
            same = False
        if not same:
            raise ValueError(f"template has {name}={value!r}, allowed are values that JSON can hold")
    return dict(variables)

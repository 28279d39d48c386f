"""What becomes of texts, documents and questions before the model sees them: token ids, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from longspan.chat import Frame, first_turn, next_turn
from longspan.parameters import check_choice
from longspan.spans import Span, render, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Turn = Literal["none", "open", "answered"]


class Conversation:
    """The state of one sequence's prompt: whether it has begun, whose turn it is, and which spans it holds."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._begun = False
        self._turn: Turn = "none"
        self.spans: list[Span] = []

    def fork(self) -> Self:
        """A second conversation with the same past."""
        twin = copy(self)
        twin.spans = list(self.spans)
        return twin

    @property
    def state(self) -> dict[str, Any]:
        """All but the spans, as JSON can hold it."""
        return {"begun": self._begun, "turn": self._turn}

    def resume(self, state: Mapping[str, Any], spans: Sequence[Span]) -> None:
        """Takes back the `state` and the spans of another conversation."""
        check_choice("turn", state["turn"], get_args(Turn))
        self._begun, self._turn, self.spans = bool(state["begun"]), state["turn"], list(spans)

    def text(self, text: str) -> list[int]:
        """Text as it is, special tokens spelled out in it included, after the model's begin token if it is first."""
        return self._begin() + tokenize(self._tokenizer, text).ids

    def tokens(self, ids: Sequence[int]) -> list[int]:
        """Tokens exactly as given."""
        self._begun = True
        return list(ids)

    def documents(self, spans: Sequence[Span]) -> list[int]:
        """Parts of documents, in a user's turn that stays open for the question."""
        ids = self._open(last=None) + self._rendered(spans)
        self.spans += spans
        return ids

    @property
    def open(self) -> bool:
        """Whether a user's turn has begun and waits for its question."""
        return self._turn == "open"

    def question(
        self, question: str, spans: Sequence[Span], *, last: int | None
    ) -> tuple[list[int], list[int]]:
        """Further parts of documents, and the question up to where the answer begins.

        last: the token that was generated last, if the assistant spoke before.
        """
        after = self._frame(last).after
        between = "\n\n" if spans or self._turn == "open" else ""
        ids = self._open(last) + self._rendered(spans)
        self.spans += spans
        self._turn = "answered"
        return ids, self._plain(between + question) + tokenize(self._tokenizer, after).ids

    def _open(self, last: int | None) -> list[int]:
        """What begins a user's turn, unless one is open."""
        if self._turn == "open":
            return []
        before = tokenize(self._tokenizer, self._frame(last).before).ids
        begin = self._begin()
        self._turn = "open"
        return before if before[: len(begin)] == begin else begin + before

    def _frame(self, last: int | None) -> Frame:
        if self._turn == "answered":
            return next_turn(self._tokenizer, ended=last is not None and last == self._tokenizer.eos_token_id)
        return first_turn(self._tokenizer)

    def _rendered(self, spans: Sequence[Span]) -> list[int]:
        return self._plain(render(spans)) if spans else []

    def _plain(self, text: str) -> list[int]:
        """Text of documents and users: a special token spelled out in it has no power."""
        return tokenize(self._tokenizer, text, plain=True).ids

    def _begin(self) -> list[int]:
        if self._begun:
            return []
        self._begun = True
        return begin_ids(self._tokenizer)


class Words:
    """How parts speak that have the model read something more."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Text as tokens; a special token spelled out in it has no power."""
        return tokenize(self._tokenizer, text, plain=True).ids

    @cached_property
    def reply(self) -> list[int]:
        """What stands between a user's words and the assistant's."""
        return tokenize(self._tokenizer, first_turn(self._tokenizer).after).ids


def begin_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The token that the model expects before everything else, if it has one."""
    begin = tokenizer.bos_token_id
    return [begin] if begin is not None and begin in tokenizer("")["input_ids"] else []

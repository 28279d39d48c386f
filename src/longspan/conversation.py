"""What becomes of texts, documents and questions before the model sees them: token ids, turn by turn.

The whole conversation is one string, rendered by the model's template and encoded as its tokenizer encodes it whole.
Since a document is read before its question is known, the tokens at its end, which what follows may still change, are
only announced (`held`), and are made again together with what follows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from longspan.chat import ChatTemplate, Reasoning, reasoning_of
from longspan.errors import UnsupportedModel
from longspan.parameters import check_choice
from longspan.spans import Span, encoder_of, render, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Turn = Literal["none", "open", "answered"]


class Conversation:
    """The state of one sequence's prompt: whose turn it is, what was said last, and which spans it holds.

    variables: what the chat template is given besides the messages.
    held: tokens at the end of an open turn that what follows may still change; the model need not run them yet.
    back: how many tokens at the end, held or not run yet, those that the last call returned take the place of.
    again: how many of these are of what came before that call. opening: how many are none of the text that the call
    was given, but of what comes before any. reasoning: whether the last prompt ends in one.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, variables: Mapping[str, Any] | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self._encoder = encoder_of(tokenizer)
        self._chat = ChatTemplate(tokenizer, variables)
        self._turn: Turn = "none"
        self._turns = 0
        self._said = self._loose = ""
        self._last: int | None = None
        self._ended = False
        self.held: list[int] = []
        self.back = self.again = self.opening = 0
        self.reasoning: Reasoning = "may"
        self.spans: list[Span] = []

    def fork(self) -> Self:
        """A second conversation with the same past."""
        twin = copy(self)
        twin.held, twin.spans = list(self.held), list(self.spans)
        return twin

    def alike(self, other: Conversation) -> bool:
        """Whether what follows this one follows the other in the same tokens."""
        return self._encoder is other._encoder and self._past == other._past

    @property
    def _past(self) -> tuple[Any, ...]:
        said = (self._turn, self._turns, self._said, self._loose, self._last, self._ended)
        return *said, self.held, self._chat.variables, self.spans

    @property
    def state(self) -> dict[str, Any]:
        """All but the spans, as JSON can hold it."""
        return {
            "turn": self._turn,
            "turns": self._turns,
            "said": self._encoder.parts(self._said),
            "loose": self._encoder.parts(self._loose),
            "held": list(self.held),
            "last": self._last,
            "ended": self._ended,
            "template": self._chat.variables,
        }

    def resume(self, state: Mapping[str, Any], spans: Sequence[Span]) -> None:
        """Takes back the `state` and the spans of another conversation."""
        check_choice("turn", state["turn"], get_args(Turn))
        self._turn, self._turns, self.spans = state["turn"], int(state["turns"]), list(spans)
        self._said, self._loose = self._encoder.joined(state["said"]), self._encoder.joined(state["loose"])
        self._last, self._ended, self.held = state["last"], bool(state["ended"]), list(state["held"])
        self._chat = ChatTemplate(self._tokenizer, state["template"])

    def text(self, text: str) -> list[int]:
        """Text as it is, control tokens spelled out in it included, after the model's begin token if it is first."""
        if self._said or self._loose:
            before, ids = self._continued(self._encoder.written(text, before=self._said[-1:]))
            self.opening = len(before)
            return before + ids
        begin, ids = begin_ids(self._tokenizer), self._encoder.ids(text, plain=False)
        self._remember(self._encoder.tail(self._encoder.written(text)) or self._encoder.border)
        self.opening = len(begin)
        return ids if ids[: len(begin)] == begin else begin + ids

    def tokens(self, ids: Sequence[int], spans: Sequence[Span] = ()) -> list[int]:
        """Tokens exactly as given. spans: the parts of documents that they stand for."""
        self.commit()
        begin = [] if self._said else begin_ids(self._tokenizer)
        self.opening = len(begin) if list(ids[: len(begin)]) == begin else 0
        self._said = self._encoder.border
        self.spans += spans
        return list(ids)

    def commit(self) -> None:
        """What was held cannot change any more: the model runs it."""
        self._remember(self._loose)
        self._loose, self.held, self.back, self.again = "", [], 0, 0

    def spoke(self, token: int, *, ended: bool) -> None:
        """The model said a token; ended: one with which it ends what it says."""
        self._last, self._ended, self._said = token, ended, self._encoder.name(token)

    @cached_property
    def end(self) -> int | None:
        """The control token with which the template ends what the assistant says, if there is one."""
        try:
            return self._encoder.first(self._encoder.written(self._chat.frame(1).before))
        except UnsupportedModel:
            return None

    @property
    def open(self) -> bool:
        """Whether a user's turn has begun and waits for its question."""
        return self._turn == "open"

    def documents(self, spans: Sequence[Span]) -> list[int]:
        """Parts of documents, in a user's turn that stays open for the question."""
        begin, opening, dropped = (
            ([], "\n\n", 0) if self.open else self._opening(self._chat.frame(self._turns).before)
        )
        self._turn = "open"
        self.spans += spans
        before, ids = self._continued(opening, render(spans), hold=True)
        self.back += dropped
        self.opening = len(begin) + len(before)
        return begin + before + ids

    def question(
        self, question: str, spans: Sequence[Span], *, last: int | None = None
    ) -> tuple[list[int], list[int]]:
        """Further parts of documents, and the question up to where the answer begins.

        last: the token that the assistant said last, where `spoke` was not told.
        """
        if last is not None:
            self.spoke(last, ended=False)
        context = ("\n\n" if self.open and spans else "") + (render(spans) if spans else "")
        words, first = question.rstrip(), ""
        if not context and not self.open:
            words = words.lstrip()
            first = question[: len(question.rstrip()) - len(words)] if words else ""
        frame = self._chat.frame(self._turns, first, question[len(question.rstrip()) :])
        begin, opening, dropped = ([], "", 0) if self.open else self._opening(frame.before)
        between = "\n\n" if spans or self.open else ""
        after = self._encoder.written(frame.after, before=(between + words)[-1:])
        before, ids = self._continued(opening + context, between + words + after)
        self._turn, self._turns, self.again = "answered", self._turns + 1, 0
        self.reasoning = reasoning_of(frame.after)
        self.back += dropped
        self.spans += spans
        return begin + before, ids

    def _opening(self, frame: str) -> tuple[list[int], str, int]:
        """What begins a user's turn: the begin token where no template says it, text, and how many tokens it drops.

        The end mark is not said twice. Another token with which the model ended gives way to the template's mark.
        """
        written, dropped = self._encoder.written(frame), 0
        if self._turn == "answered" and self._last is not None:
            mark = self._encoder.first(written)
            if mark == self._last:
                written = written.lstrip().removeprefix(self._encoder.name(mark))
            elif self._ended and mark is not None:
                self._said, dropped = self._encoder.border, 1
        self._last = None
        plain = self._tokenizer.chat_template is None and not self._said
        return begin_ids(self._tokenizer) if plain else [], written, dropped

    def _continued(self, *texts: str, hold: bool = False) -> tuple[list[int], list[int]]:
        """The tokens of texts with names, as they follow what was said: up to the last text, and of it.

        hold: its end stays loose.
        """
        text = self._loose + "".join(texts)
        ids, starts = self._encoder.after(self._said, text)
        self.back, self.again = len(self.held), bisect_left(starts, len(self._loose))
        cut = bisect_left(starts, self._encoder.firm(text)) if hold else len(ids)
        at = starts[cut] if cut < len(ids) else len(text)
        self._remember(text[:at])
        self._loose, self.held = text[at:], ids[cut:]
        last = min(cut, bisect_left(starts, len(text) - len(texts[-1])))
        return ids[:last], ids[last:cut]

    def _remember(self, text: str) -> None:
        self._said = self._encoder.tail(self._said + text)


class Words:
    """How parts speak that have the model read something more."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, variables: Mapping[str, Any] | None = None
    ) -> None:
        self._tokenizer, self._chat = tokenizer, ChatTemplate(tokenizer, variables)

    def encode(self, text: str) -> list[int]:
        """Text as tokens; a control token spelled out in it has no power."""
        return tokenize(self._tokenizer, text, plain=True).ids

    @cached_property
    def reply(self) -> list[int]:
        """What stands between a user's words and the assistant's."""
        encoder = encoder_of(self._tokenizer)
        return encoder.after(encoder.border, encoder.written(self._chat.frame(0).after))[0]


def begin_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The tokens that the tokenizer puts before every text."""
    encoding = tokenizer.backend_tokenizer.encode("x")
    own = encoding.special_tokens_mask
    return encoding.ids[: own.index(0)] if 0 in own else []

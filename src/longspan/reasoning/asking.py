"""A question about documents, or about none, that is reasoned about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from longspan.flows.base import Events, Flow, reply_tokens
from longspan.flows.chat import Chat, Message
from longspan.flows.inquiry import Inquiry
from longspan.flows.passages import choose
from longspan.flows.prompting import prompt, shown
from longspan.notation import parse_call
from longspan.parameters import check_whole
from longspan.parts import build
from longspan.reasoning.base import Reasoner
from longspan.spans import Answer, Document, Span


@dataclass(frozen=True, kw_only=True)
class Reasoned(Flow):
    """Reads the passages that speak of a question, all of them where they fit, and reasons about it from there."""

    by: Reasoner
    """How it is reasoned about."""

    tokens: int = 1 << 20
    """Tokens of what is read, fewer where the chat has no room for them."""

    passage: int = 256
    """Tokens of a passage at most, where not all fits."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 1)
        check_whole("passage", self.passage, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """What the chosen chain says; its claims rest on what was read. Documents may be none."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        read: Sequence[Span] = ()
        message = prompt("reasoned", question=question)
        if any(each.text.strip() for each in documents):

            def asking(text: str) -> Message:
                return prompt("reasoned_from", text=text, question=question)

            space = inquiry.space(documents, self.tokens, reply_tokens(events), asking)
            chosen = choose(documents, question, space, chat.count_tokens, self.passage)
            read, message = chosen.spans, asking(shown(chosen.spans))
            inquiry.skipped = chosen.skipped_tokens
            events.step(f"reads {chosen.tokens:,} tokens, {chosen.skipped_tokens:,} left out")
        conclusion = self.by.reason(chat, [message], events)
        inquiry.usages.append(conclusion.usage)
        return inquiry.answer(conclusion.reply, read)


def reasoner_of(text: str) -> Reasoner:
    """The way to reason that a text such as short-m-at-k(m=1,k=5) names. Raises UnknownMethod and ValueError."""
    return cast(Reasoner, build("reasoner", parse_call(text)))

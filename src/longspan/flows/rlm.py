"""RLM: the documents are a variable, and the model reads them by programs and sub-calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.programming import Programming
from longspan.flows.seen import Seen
from longspan.flows.subcalls import Budget
from longspan.flows.turns import Session
from longspan.registry import Card
from longspan.spans import Answer, Document

CARD = Card(
    name="rlm",
    target="longspan.flows.rlm:RLM",
    paper="Recursive Language Models",
    link="https://arxiv.org/abs/2512.24601",
    year=2025,
    training=False,
    changes="Documents are a variable of a session in a sandbox, which the model reads by programs and sub-calls.",
    field=(231,),
)


@dataclass(frozen=True, kw_only=True)
class RLM(Programming):
    """The model sees the question and what the documents are; programs see the documents. https://arxiv.org/abs/2512.24601

    Each turn is a reply with a program; what it prints is shown in the next. A program that runs to its end and has set
    `answer` gives the answer; after the last turn it is asked for. Programs run in a sandbox, without which the flow
    ends with what is missing.
    Deviations: a program that fails submits nothing; a sub-call that fails raises in the program; sub-calls are bounded
    as in DSPy's version; three turns in a row without a new program end the run; blocks of one turn run up to the first
    that fails; `helpers` are ours.
    """

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Turns, then an answer."""
        seen, budget = Seen(documents), Budget(calls=self.subcalls, tokens=self.tokens)
        run = Session.over(self, chat, documents, question, events, seen=seen, budget=budget).run()
        return self.ended(run, question, seen, budget, chat, events)

"""Medoid voting: the same texts in several orders, and of the answers the one that is most like the others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from longspan.errors import FlowError
from longspan.flows.base import Events, Flow, pieces, reply_tokens
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.likeness import shared
from longspan.flows.passages import choose
from longspan.flows.prompting import prompt, shown
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder
from longspan.running.generation import Generation
from longspan.spans import Answer, Document

CARD = Card(
    name="medoid-voting",
    target="longspan.flows.medoid_voting:MedoidVoting",
    paper='Evaluating Language Model Context Windows: A "Working Memory" Test and Inference-time Correction',
    link="https://arxiv.org/abs/2407.03651",
    year=2024,
    training=False,
    changes="Reads the same passages in several orders, and gives the answer that is most like the others.",
    field=(83,),
    missing="The test itself, questions that a model makes about a user's own documents, is left out.",
)


@dataclass(frozen=True, kw_only=True)
class MedoidVoting(Flow):
    """The medoid of answers over permutations of what is read. https://arxiv.org/abs/2407.03651

    Documents are put in other orders where several fit whole, else the passages that speak most of the question. The
    answer whose mean likeness to the others is highest wins, the first of equals. Likeness is the F1 of words, which
    suits short answers, or the cosine of an embedder, as in the paper. Calls that fail do not vote.
    """

    runs: int = 3
    """How many orders are read."""

    temperature: float = 0.7
    """How answers are drawn, unless the question says it."""

    tokens: int = 4096
    """Tokens of what is read, fewer where the chat has no room for them."""

    passage: int = 256
    """Tokens of a passage at most."""

    seed: int = 0
    """Of the orders."""

    embedder: Embedder | None = field(default=None, metadata={"room": "embedder"})
    """What likeness is measured by; none compares words."""

    def __post_init__(self) -> None:
        check_whole("runs", self.runs, 2)
        check_range("temperature", self.temperature, 0)
        check_whole("tokens", self.tokens, 1)
        check_whole("passage", self.passage, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Several answers, one of them chosen."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def asking(text: str) -> Message:
            return prompt("medoid_voting_answer", text=text, question=question)

        space = inquiry.space(documents, self.tokens, reply_tokens(events), asking)
        chosen = choose(documents, question, space, chat.count_tokens, self.passage)
        units = list(chosen.spans)
        if len(units) == 1 or chosen.skipped_tokens:
            units = [part for span in units for part in pieces(span, self.passage, chat.count_tokens)]
        draw = random.Random(self.seed)  # noqa: S311
        orders = [draw.sample(units, len(units)) for _ in range(self.runs)]
        events.step(
            f"reads {len(units):,} texts in {self.runs:,} orders, {chosen.skipped_tokens:,} tokens left out"
        )
        settings: Generation = {"temperature": self.temperature, **events.generation}
        replies = chat.generate_all([[asking(shown(order))] for order in orders], **settings)
        said = [each for each in replies if isinstance(each, Reply)]
        if not said:
            raise FlowError(
                f"all {len(replies):,} calls failed, the first because: {cast(Failed, replies[0]).reason}; mend that "
                "and run again"
            )
        inquiry.usages += [each.usage for each in said]
        best = medoid(self._likeness([each.text for each in said]))
        events.step(f"{len(said):,} answers, of which number {best + 1:,} is most like the others")
        events.stream(said[best].text)
        inquiry.skipped = chosen.skipped_tokens
        return inquiry.answer(said[best], chosen.spans)

    def _likeness(self, texts: Sequence[str]) -> list[list[float]]:
        if self.embedder is None:
            return [[shared(one, other) for other in texts] for one in texts]
        rows = self.embedder.embed(texts)
        return cast(list[list[float]], (rows @ rows.T).tolist())


def medoid(likeness: Sequence[Sequence[float]]) -> int:
    """Which of several things is most like the others on average; the first of equals."""
    means = [sum(row) - row[number] for number, row in enumerate(likeness)]
    return max(range(len(means)), key=lambda number: (round(means[number], 9), -number))

"""ALR²: first the sentences that bear on the question, word for word, then an answer from these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events, Flow
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import prompt, shown
from longspan.flows.replies import NOTHING, listed, sentences_quoted
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="alr2",
    target="longspan.flows.alr2:ALR2",
    paper="ALR^2: A Retrieve-then-Reason Framework for Long-context Question Answering",
    link="https://arxiv.org/abs/2410.03227",
    year=2024,
    training=False,
    changes="Copies the sentences that bear on the question, drops what stands nowhere, and answers from the rest.",
    field=(9,),
    missing="The fine-tuning on both steps is absent, so the model is only prompted for them.",
)


@dataclass(frozen=True, kw_only=True)
class ALR2(Flow):
    """Retrieves sentences word for word, then reasons over them alone. https://arxiv.org/abs/2410.03227

    Each part is asked for its sentences that help, or for none, in one call, and nothing else, which is what models of
    a billion weights and less can do. What is copied is looked for in the part and shown as it stands there; what does
    not stand there never reaches the second step. Where nothing stands in any part, those that copied something are
    asked once more; then the answer is that nothing was found. The paper trains its model on both steps, reads the
    context in one piece, and believes what is copied; its code is not public.
    """

    chunk: int = 2048
    """Tokens of a call: a part with the question, the instructions and what is copied."""

    note: int = 256
    """Tokens that are copied from a part at most."""

    def __post_init__(self) -> None:
        check_whole("chunk", self.chunk, 64)
        check_whole("note", self.note, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Quote, verify, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def copying(text: str) -> Message:
            return prompt("alr2_quote", text=text, question=question, nothing=NOTHING)

        def answering(text: str) -> Message:
            return prompt("alr2_answer", text=text, question=question)

        again = prompt("alr2_again", nothing=NOTHING)
        beside = 2 * self.note + chat.count_tokens(
            again["content"]
        )  # what was copied, told off, and copied again
        found = inquiry.parts(documents, self.chunk + beside - self.note, beside, copying)
        events.step(f"copies sentences from {len(found):,} parts")
        read = inquiry.read_each(found, copying, max_new_tokens=self.note)
        quotes, missed = _verified(read)
        doubtful = [(part, said) for part, said in read if listed(said.text)]
        if not quotes and doubtful:
            events.step(f"{missed:,} lines stand in none of them, so {len(doubtful):,} parts are read again")
            replies = inquiry.ask_each(
                doubtful,
                lambda each: [
                    copying(shown([each[0]])),
                    Message(role="assistant", content=each[1].text),
                    again,
                ],
                max_new_tokens=self.note,
            )
            parts = [part for part, _ in doubtful]
            quotes, missed = _verified(
                [(part, said) for part, said in zip(parts, replies, strict=True) if said is not None]
            )
        events.step(f"{len(quotes):,} sentences bear on the question, {missed:,} lines stand nowhere")
        if not quotes:
            return inquiry.answer(None)
        kept = inquiry.fitting(quotes, answering)
        return inquiry.conclude(answering(shown(kept)), kept)


def _verified(read: Sequence[tuple[Span, Reply]]) -> tuple[list[Span], int]:
    """The sentences that were copied, as they stand in the documents, and how many lines stand nowhere."""
    found = [sentences_quoted(said.text, part) for part, said in read]
    return [place for places, _ in found for place in places], sum(missed for _, missed in found)

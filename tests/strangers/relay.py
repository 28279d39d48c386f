"""A flow: every part of the documents is asked by itself, and the answers are asked once more."""

from dataclasses import dataclass

from longspan.flows.base import Flow, together
from longspan.registry import Card
from longspan.spans import Answer, Span, cite


@dataclass(frozen=True, kw_only=True)
class Relay(Flow):
    """Asks part after part, and then what the parts said. https://example.org/relay

    characters: of a part.
    """

    characters: int = 400

    def answer(self, chat, documents, question, events):
        spans = [
            Span(document, start, min(start + self.characters, len(document.text)))
            for document in documents
            for start in range(0, len(document.text), self.characters)
        ]
        replies = []
        for number, span in enumerate(spans, 1):
            events.step(f"asks part {number} of {len(spans)}")
            words = f"{span.text}\n\n{question}"
            replies.append(chat.generate([{"role": "user", "content": words}], max_new_tokens=8))
        notes = "\n".join(each.text for each in replies)
        last = [{"role": "user", "content": f"{notes}\n\n{question}"}]
        replies.append(chat.generate(last, stream=events.stream, **events.generation))
        text = replies[-1].text
        return Answer(text, cite(text, question, spans), together([each.usage for each in replies]))


CARD = Card(
    name="relay",
    target="relay:Relay",
    paper="A stranger's flow",
    link="https://example.org/relay",
    year=2026,
    training=False,
    changes="Asks part after part, and then what the parts said.",
)
ENTRY_POINTS = {"longspan.methods": {"flow.relay": "relay:CARD"}}

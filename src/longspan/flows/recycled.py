"""Recycled demonstrations: questions about the very text that is asked about, made and answered before."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from longspan.flows.base import Events, Flow, parts, reply_tokens, room
from longspan.flows.chat import Chat, Reply
from longspan.flows.found import Found
from longspan.flows.inquiry import Inquiry
from longspan.flows.likeness import shared
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import labelled, located, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="recycled",
    target="longspan.flows.recycled:Recycled",
    paper="Can Few-shot Work in Long-Context? Recycling the Context to Generate Demonstrations",
    link="https://arxiv.org/abs/2406.13632",
    year=2024,
    training=False,
    changes="Makes questions with answers from paragraphs of the text, and shows them, numbered, before the question.",
    field=(34,),
)

_ALIKE = 0.8  # of the words of two questions, from where on one gives the other away
_PAIR = 128  # tokens of a question with its answer


@dataclass(frozen=True, kw_only=True)
class Recycled(Flow):
    """Demonstrations from the context itself. https://arxiv.org/abs/2406.13632

    The text is shown once, in numbered paragraphs. For a few of them, drawn at random, the model makes a question and
    its answer; they are shown behind the text, each with the number of its paragraph first, so that the model names the
    paragraph of its own answer too. A pair whose answer does not stand in its paragraph, or whose question is like the
    one that is asked, is made anew of another paragraph. Of a text that does not fit, the paragraphs that speak most of
    the question are read.
    """

    demonstrations: int = 3
    """How many pairs are shown, fewer where no more are usable."""

    paragraph: int = 256
    """Tokens of a paragraph at most."""

    tries: int = 5
    """How many paragraphs are tried for each pair at most."""

    seed: int = 0
    """Of the draw of paragraphs."""

    def __post_init__(self) -> None:
        check_whole("demonstrations", self.demonstrations, 1)
        check_whole("paragraph", self.paragraph, 16)
        check_whole("tries", self.tries, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Pairs from paragraphs, then one reply to all of it."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        empty = prompt("recycled_answer", text=enclosed(""), shots="", question=question)["content"]
        beside = reply_tokens(events) + _PAIR * self.demonstrations
        space = room(chat, 2**31, beside, empty)
        found = parts(documents, min(self.paragraph, space), chat.count_tokens)
        read = self._read(inquiry, found, space)
        shots = self._shots(inquiry, read)
        events.step(
            f"reads {len(read):,} of {len(found):,} paragraphs, behind {len(shots):,} questions made of them"
        )
        message = prompt(
            "recycled_answer",
            text=enclosed("\n\n".join(_numbered(read))),
            shots="\n\n".join(shots),
            question=question,
        )
        said = inquiry.ask(message, **events.generation)
        text, cited = _told(said.text, read)
        events.stream(text)
        return inquiry.answer(replace(said, text=text), cited or read)

    def _read(self, inquiry: Inquiry, found: Sequence[Span], space: int) -> list[Span]:
        """The paragraphs that fit, in the documents' order: all, or those that speak most of the question."""
        count = inquiry.chat.count_tokens
        cost = [count(f"[{number}] {each.text}\n\n") for number, each in enumerate(found, 1)]
        if sum(cost) <= space:
            return list(found)
        index = Found(inquiry, found, Bm25())
        best = index.best(inquiry.question, len(found))
        taken: list[int] = []
        for number in dict.fromkeys([*best, *range(len(found))]):
            if cost[number] <= space:
                taken.append(number)
                space -= cost[number]
        inquiry.skipped = index.left_out(taken)
        return [found[number] for number in sorted(taken)]

    def _shots(self, inquiry: Inquiry, read: Sequence[Span]) -> list[str]:
        """Pairs as they are shown, from other paragraphs where one gives none."""
        order = random.Random(self.seed).sample(range(len(read)), len(read))  # noqa: S311
        waiting = iter(order[: self.demonstrations * self.tries])
        found: list[str] = []
        while len(found) < self.demonstrations:
            drawn = list(islice(waiting, self.demonstrations - len(found)))
            if not drawn:
                break
            replies = inquiry.ask_each(
                drawn,
                lambda number: [prompt("recycled_pair", text=enclosed(read[number].text))],
                max_new_tokens=_PAIR,
            )
            for number, reply in zip(drawn, replies, strict=True):
                pair = None if reply is None else self._pair(reply, read[number], inquiry.question)
                if pair is not None:
                    found.append(f"Question: {pair[0]}\nParagraph: {number + 1}\nAnswer: {pair[1]}")
        return found

    def _pair(self, reply: Reply, paragraph: Span, question: str) -> tuple[str, str] | None:
        """The question and the answer in a reply, None where they are not usable."""
        fields = labelled(reply.text, ("Question", "Answer"))
        asked = " ".join(fields.get("Question", "").split())
        answer = fields.get("Answer", "").strip().partition("\n")[0].strip()
        place = None if says_nothing(answer) else located(answer.rstrip("."), [paragraph])
        if not asked or place is None or shared(asked, question) >= _ALIKE:
            return None
        return asked, " ".join(place.text.split())


def _numbered(read: Sequence[Span]) -> list[str]:
    return [f"[{number}] {each.text.strip()}" for number, each in enumerate(read, 1)]


def _told(text: str, read: Sequence[Span]) -> tuple[str, list[Span]]:
    """The answer in a reply, and the paragraphs that it names, as far as there are such."""
    fields = labelled(text, ("Paragraphs", "Paragraph", "Answer"))
    named = fields.get("Paragraph", "") or fields.get("Paragraphs", "")
    numbers = dict.fromkeys(int(each) for each in re.findall(r"\d{1,6}", named))
    cited = [read[number - 1] for number in numbers if 1 <= number <= len(read)]
    return fields.get("Answer", "").strip() or text.strip(), cited

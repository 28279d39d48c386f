"""ExtAgents: facts are sought in all parts, ranked, and reasoned over in growing numbers, round by round."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from longspan.errors import WindowExceeded
from longspan.flows.base import Events, Flow, reply_tokens, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING, declines, listed, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document, Span, claims
from longspan.spans.words import words

CARD = Card(
    name="extagents",
    target="longspan.flows.extagents:ExtAgents",
    paper="Scaling External Knowledge Input Beyond Context Windows of LLMs via Multi-Agent Collaboration",
    link="https://arxiv.org/abs/2505.21471",
    year=2025,
    training=False,
    changes="Seeks facts in all parts, ranks them, and answers from the best one, two, four and so on, up to enough.",
    field=(243,),
)

_RATING_TOKENS = 8
_SUREST = 100.0
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one reading of a part found: its facts, a line each, and how much they help, from 0 to 100."""

    facts: tuple[str, ...]
    part: Span
    rating: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ExtAgents(Flow):
    """Seekers and a reasoner that share what was found, round by round. https://arxiv.org/abs/2505.21471

    In each round every part is read beside the facts that are known, best first as far as they fit, what is found in it
    is rated by a call of its own, and the best 1, 2, 4 ... and last all findings are tried until they are enough to
    answer. The last round must answer. Parts are cut at paragraphs, lines and sentences, and all of them are read;
    facts that are known already are not found again; a rating that is no number is 0. Deviations: a round in which
    nothing new is found is the last, since the next would ask the same; a fact that nothing in its part supports, by
    its words and numbers, is left out.
    """

    chunk: int = 8000
    """Tokens of a call: a part with the question, the instructions, what is known and what is found."""

    note: int = 512
    """Tokens that are found in a part at most, and of what is known that a part is read beside."""

    rounds: int = 5
    """How often all parts are read at most."""

    def __post_init__(self) -> None:
        check_whole("chunk", self.chunk, 64)
        check_whole("note", self.note, 16)
        check_whole("rounds", self.rounds, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Seek, rate, reason, again."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def seeking(text: str, known: Sequence[Found] = ()) -> Message:
            facts = _shown(self._fitting(chat, known, self.note)) if known else NOTHING
            return prompt("extagents_seek", text=text, facts=facts, question=question, nothing=NOTHING)

        parts = inquiry.parts(documents, self.chunk, 2 * self.note, seeking)
        known: list[Found] = []
        for number in range(1, self.rounds + 1):
            events.step(f"round {number:,}: seeks facts in {len(parts):,} parts")
            new = self._sought(inquiry, parts, known, seeking)
            known = sorted([*known, *new], key=lambda each: -each.rating)
            events.step(f"{sum(len(each.facts) for each in new):,} new facts in {len(new):,} parts")
            last = number == self.rounds or not new
            if known and (answer := self._reasoned(inquiry, known, last)) is not None:
                return answer
            if last:
                break
        return inquiry.answer(None)

    def _sought(
        self,
        inquiry: Inquiry,
        parts: Sequence[Span],
        known: Sequence[Found],
        seeking: Callable[[str, Sequence[Found]], Message],
    ) -> list[Found]:
        """What is found that is not known, rated."""
        told = {_plain(fact) for each in known for fact in each.facts} | {_plain(inquiry.question)}
        new, made_up = [], 0
        for part, reply in inquiry.read_each(
            parts, lambda text: seeking(text, known), max_new_tokens=self.note
        ):
            facts = [] if declines(reply.text) else listed(reply.text)
            new_here = [fact for fact in facts if _plain(fact) not in told]
            facts = [fact for fact in new_here if _supported(fact, part)]
            made_up += len(new_here) - len(facts)
            told |= {_plain(fact) for fact in facts}
            new += [Found(facts=tuple(facts), part=part)] if facts else []
        if made_up:
            inquiry.events.step(f"{made_up:,} facts are left out, since nothing in their parts supports them")
        if not new:
            return []
        rates = inquiry.ask_each(
            new,
            lambda each: [prompt("extagents_rate", facts=_shown([each]), question=inquiry.question)],
            max_new_tokens=_RATING_TOKENS,
        )
        return [replace(each, rating=_rating(said)) for each, said in zip(new, rates, strict=True)]

    def _reasoned(self, inquiry: Inquiry, known: Sequence[Found], last: bool) -> Answer | None:
        """The answer from the fewest findings that are enough, None where none are and it is not the last round."""
        chat, events, question = inquiry.chat, inquiry.events, inquiry.question

        def reasoning(found: Sequence[Found]) -> Message:
            return prompt("extagents_reason", facts=_shown(found), question=question, nothing=NOTHING)

        def answering(found: Sequence[Found]) -> Message:
            return prompt("extagents_answer", facts=_shown(found), question=question)

        budget = room(chat, self.chunk, reply_tokens(events), reasoning(())["content"])
        fit = self._fitting(chat, known, budget)
        if len(fit) < len(known):
            events.step(f"{len(known) - len(fit):,} of {len(known):,} findings do not fit beside the others")
        free: Generation = {**events.generation, "form": None}
        sizes = [2**power for power in range(len(fit).bit_length()) if 2**power < len(fit)]
        for size in [*sizes, len(fit)]:
            said = inquiry.ask(reasoning(fit[:size]), **free)
            if not says_nothing(said.text) and not declines(said.text):
                events.step(f"the best {size:,} of {len(known):,} findings are enough")
                read = [each.part for each in fit[:size]]
                if events.generation.get("form") is not None:
                    return inquiry.conclude(answering(fit[:size]), read)
                events.stream(said.text)
                return inquiry.answer(said, read)
        return inquiry.conclude(answering(fit), [each.part for each in fit]) if last else None

    def _fitting(self, chat: Chat, known: Sequence[Found], budget: int) -> list[Found]:
        """The best findings that fit into so many tokens; of one that does not fit, its first facts that do."""
        fit: list[Found] = []
        for each in known:
            for size in range(len(each.facts), 0, -1):
                some = replace(each, facts=each.facts[:size])
                if chat.count_tokens(_shown([*fit, some])) <= budget:
                    fit.append(some)
                    break
        if not fit:
            raise WindowExceeded(
                f"no fact that was found fits into {budget:,} tokens; raise note={self.note}, or raise the window "
                "with positions=..."
            )
        return fit


def _shown(found: Sequence[Found]) -> str:
    return enclosed("\n".join(fact for each in found for fact in each.facts))


def _supported(fact: str, part: Span) -> bool:
    """Whether the part holds what a fact says."""
    said = claims(fact, [part])
    return bool(said) and all(each.state != "unverified" for each in said)


def _rating(reply: Reply | None) -> float:
    number = None if reply is None else _NUMBER.search(reply.text)
    return min(_SUREST, float(number[0])) if number else 0.0


def _plain(text: str) -> str:
    return " ".join(words(text))

"""Structurization: a passage is set out as scope, aspects and statements before a question is asked about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.flows.base import Events, Flow, pieces, reply_tokens
from longspan.flows.chat import Chat, Message
from longspan.flows.inquiry import Inquiry
from longspan.flows.likeness import held
from longspan.flows.passages import choose
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import straight
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span, sentences

CARD = Card(
    name="structurization",
    target="longspan.flows.structurization:Structurization",
    paper="Enhancing LLM's Cognition via Structurization",
    link="https://arxiv.org/abs/2407.16434",
    year=2024,
    training=False,
    changes="Sets passages out as scope, aspects and statements, and answers from that.",
    field=(80,),
    missing="The authors' smaller model that is trained to structure texts is not used, so the answering one does it.",
)

_SCOPE = re.compile(r"(?i)^[\s*#]*scope[\s*]*[:：][\s*]*(.*)$")
_STATEMENT = re.compile(r"^[\s*]*(?:\d{1,3}\.\d{1,3}[.)]?|[-•])\s*(\S.*)$")
_ASPECT = re.compile(r"^[\s*#]*\d{1,3}[.)]\s*(\S.*)$")
_EXAMPLES = ("an aspect, in a few words", "an aspect", "another aspect")  # of the prompt, which models echo
_UNNAMED = "What it says"
_HELD = 0.5  # of a sentence's words, in one statement; and of a statement's, in one sentence
_FEW = 10  # words; a shorter paragraph may be missing


@dataclass(kw_only=True)
class Aspect:
    """One side of what a passage says. statements: each with the sentence that it renders."""

    name: str
    statements: list[tuple[str, Span]] = field(default_factory=list)


@dataclass(kw_only=True)
class Structure:
    """A passage set out. dropped: statements that no sentence of it says; inserted: sentences that were missing."""

    scope: str
    aspects: list[Aspect]
    dropped: int = 0
    inserted: int = 0

    def text(self) -> str:
        """As it is shown to the model, statements in the order of the passage under each aspect."""
        lines = [f"Scope: {self.scope}"] if self.scope else []
        for number, aspect in enumerate(self.aspects, 1):
            lines.append(f"{number}. {aspect.name}")
            lines += [f"    {number}.{at} {said}" for at, (said, _) in enumerate(aspect.statements, 1)]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Structurization(Flow):
    """Passages as scope, aspects and statements. https://arxiv.org/abs/2407.16434

    The passages that speak most of the question are set out side by side, each in one call. As in the authors' code, a
    sentence of which no statement holds more than half of the words is put back, short paragraphs aside. Beyond it: a
    statement that no sentence holds half of is dropped; a reply is read line by line, so that a broken one counts as
    far as it goes; a passage without any aspect is shown as it is.
    """

    tokens: int = 4096
    """Tokens of what is read for the answer, fewer where the chat has no room for them."""

    passage: int = 512
    """Tokens of a passage at most."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 64)
        check_whole("passage", self.passage, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Choose, set out, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def building(text: str) -> Message:
            return prompt("structurization_build", text=text)

        def answering(text: str) -> Message:
            return prompt("structurization_answer", text=text, question=question)

        size = inquiry.space(documents, self.passage, 2 * self.passage, building)
        space = inquiry.space(documents, self.tokens, reply_tokens(events), answering)
        chosen = choose(documents, question, max(1, space // 2), chat.count_tokens, size)
        found = [part for span in chosen.spans for part in pieces(span, size, chat.count_tokens)]
        events.step(f"sets out {len(found):,} passages, {chosen.skipped_tokens:,} tokens left out")
        said = inquiry.read_each(found, building, max_new_tokens=2 * size)
        built = {part: structure(reply.text, part) for part, reply in said}
        events.step(
            f"{sum(bool(each.aspects) for each in built.values()):,} of {len(found):,} are set out, "
            f"{sum(each.dropped for each in built.values()):,} statements dropped, "
            f"{sum(each.inserted for each in built.values()):,} sentences put back"
        )
        texts = [built[part].text() if part in built and built[part].aspects else part.text for part in found]
        inquiry.read, inquiry.skipped = found, chosen.skipped_tokens
        return inquiry.conclude(answering(enclosed("\n\n".join(texts))), found)


def structure(reply: str, passage: Span) -> Structure:
    """What a reply makes of a passage, with what it lacks put back and what it made up left out."""
    known = sentences(passage.document, passage.start, passage.end)
    made = Structure(scope="", aspects=[])
    for line in straight(reply).splitlines():
        if scope := _SCOPE.match(line):
            made.scope = scope[1].strip()
        elif said := _STATEMENT.match(line):
            source = _source(said[1], known)
            if source is None or not made.aspects:
                made.dropped += 1
            else:
                made.aspects[-1].statements.append((said[1].strip(), source))
        elif aspect := _ASPECT.match(line):
            name = aspect[1].strip(" *:")
            made.aspects.append(Aspect(name=_UNNAMED if name.strip(".").lower() in _EXAMPLES else name))
    made.aspects = [aspect for aspect in made.aspects if aspect.statements]
    if made.aspects:
        _put_back(made, known)
    return made


def _source(statement: str, known: Sequence[Span]) -> Span | None:
    """The sentence that holds most of a statement, if it holds half of it."""
    best = max(known, key=lambda each: held(statement, each.text), default=None)
    return best if best is not None and held(statement, best.text) >= _HELD else None


def _put_back(made: Structure, known: Sequence[Span]) -> None:
    """Sentences that no statement renders, each under the aspect of the sentence before it."""
    current = made.aspects[0]
    for sentence in known:
        holding = next(
            (
                aspect
                for aspect in made.aspects
                if any(held(sentence.text, said) > _HELD for said, _ in aspect.statements)
            ),
            None,
        )
        if holding is not None:
            current = holding
        elif len(_paragraph(sentence).split()) > _FEW:
            current.statements.append((" ".join(sentence.text.split()), sentence))
            made.inserted += 1
    for aspect in made.aspects:
        aspect.statements.sort(key=lambda each: each[1].start)


def _paragraph(sentence: Span) -> str:
    text = sentence.document.text
    start = text.rfind("\n\n", 0, sentence.start) + 1
    end = text.find("\n\n", sentence.end)
    return text[start : end if end >= 0 else len(text)]

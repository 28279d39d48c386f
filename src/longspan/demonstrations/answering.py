"""What lessons share: demonstrations that fit, a reply that is a label, and the answer that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from longspan.demonstrations.demonstration import Demonstration, labels_of, same_text
from longspan.demonstrations.layout import Layout, fitting
from longspan.demonstrations.likelihood import scoring_of
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.flows.base import Events, reply_tokens, room, together
from longspan.flows.chat import Chat, Local, Message, Reply
from longspan.flows.prompting import prompt
from longspan.flows.replies import labelled
from longspan.flows.trace import Traced
from longspan.forms.form import Form
from longspan.spans import Answer
from longspan.usage import Usage


def written(shown: Demonstration) -> str:
    """A demonstration as chats are shown it."""
    reasoning = f"Reasoning: {shown.reasoning}\n" if shown.reasoning else ""
    return f"Text: {shown.text}\n{reasoning}Answer: {shown.label}"


def scoring_for(chat: Chat) -> Scoring | None:
    """Likelihoods of a chat's model, None for a server."""
    while isinstance(chat, Traced):
        chat = chat.chat
    if not isinstance(chat, Local):
        return None
    return scoring_of(chat.model, chat.plan, Layout(tokenizer=chat.model.tokenizer))


@dataclass(kw_only=True)
class Chosen:
    """The demonstrations of a pool that are shown for a text, as far as a chat has room for them."""

    chat: Chat
    pool: Sequence[Demonstration]
    selection: Selection
    ranking: Ranking
    written: Callable[[Demonstration], str] = written

    @classmethod
    def of(
        cls,
        chat: Chat,
        pool: Sequence[Demonstration],
        selection: Selection,
        written: Callable[[Demonstration], str] = written,
    ) -> Chosen:
        """By a selection. Raises ValueError for no demonstrations."""
        if not pool:
            raise ValueError("there are no demonstrations; give one or more")
        ranking = selection.ranking(pool, scoring_for(chat))
        return cls(chat=chat, pool=pool, selection=selection, ranking=ranking, written=written)

    def numbers(self, query: str, tokens: int, taken: Sequence[int] = ()) -> list[int]:
        """Those that are shown, in their order, without those that are taken."""
        ranked = (number for number in self.ranking(query) if number not in taken)
        kept = fitting(
            ranked,
            lambda number: self.chat.count_tokens(f"{self.written(self.pool[number])}\n\n"),
            tokens,
            self.selection.k,
        )
        return kept[::-1] if self.selection.best_last else kept


@dataclass(kw_only=True)
class Asked:
    """What a lesson asks of a chat, and what all of it took. labels: what an answer has to be; none for any text."""

    chat: Chat
    events: Events
    labels: tuple[str, ...] = ()
    usages: list[Usage] = field(default_factory=list)

    @classmethod
    def of(cls, chat: Chat, events: Events, pool: Sequence[Demonstration], answers: str) -> Asked:
        """By the labels of a pool, where answers have to be one of them."""
        return cls(chat=chat, events=events, labels=labels_of(pool) if answers == "labels" else ())

    def space(self, tokens: int, message: Message) -> int:
        """Tokens of demonstrations that fit beside what a message says without them, and a reply."""
        return room(self.chat, tokens, reply_tokens(self.events), message["content"])

    def answer(self, message: Message, *, reasoned: bool = False) -> Answer:
        """The answer to a message. reasoned: whether it is to stand behind its label Answer, after steps."""
        held = self.events.generation.get("form") is not None
        if self.labels and self.chat.forms and not reasoned and not held:
            generation = {**self.events.generation, "form": Form.choice(self.labels)}
            said = self.chat.generate([message], stream=self.events.stream, **generation)  # type: ignore[arg-type]
            return self._ended(said, said.text.strip(), complete=said.complete)
        if not self.labels and not reasoned:
            said = self.chat.generate([message], stream=self.events.stream, **self.events.generation)
            return self._ended(said, said.text.strip(), complete=said.complete)
        said = self.chat.generate([message], **self.events.generation)
        text, complete = self._read(said.text, reasoned=reasoned)
        if not complete:
            self.usages.append(said.usage)
            self.events.step(
                f"“{_line(said.text)}” is no answer of the form that was shown; it is asked for again"
            )
            said = self.chat.generate([message, *self._again(said.text)], **self.events.generation)
            text, complete = self._read(said.text, reasoned=reasoned)
        self.events.stream(text)
        return self._ended(said, text, complete=complete and said.complete)

    def _again(self, said: str) -> list[Message]:
        what = f"one of these: {'; '.join(self.labels)}" if self.labels else "the answer"
        return [Message(role="assistant", content=said or "…"), prompt("demonstrations_again", what=what)]

    def _read(self, text: str, *, reasoned: bool) -> tuple[str, bool]:
        """The answer in a reply, and whether it is one."""
        field = labelled(text, ("Answer",)).get("Answer", "")
        if self.labels:
            label = label_in(field, self.labels) or label_in(text, self.labels)
            return (label, True) if label else ((field or text).strip(), False)
        return ((field or text).strip(), bool(field) or not reasoned)

    def _ended(self, said: Reply, text: str, *, complete: bool) -> Answer:
        usage = together([*self.usages, said.usage])
        self.usages.clear()
        return Answer(
            text=text,
            citations=(),
            usage=usage,
            reasoning=said.reasoning,
            logprobs=said.logprobs,
            complete=complete,
        )


def label_in(text: str, labels: Sequence[str]) -> str:
    """The one label that a text says, whatever its case and marks; empty where it says none, or more than one.

    A label within a longer one that is said does not count, nor does how often each is said.
    """
    said = _plain(text)
    known = {_plain(label): label for label in labels}
    if said in known:
        return known[said]
    left, found = f" {said} ", set()
    for plain in sorted(known, key=len, reverse=True):
        if plain and f" {plain} " in left:
            found.add(known[plain])
            left = left.replace(f" {plain} ", "  ")
    return found.pop() if len(found) == 1 else ""


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", same_text(text)).split()) or same_text(text)


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:80]}…"

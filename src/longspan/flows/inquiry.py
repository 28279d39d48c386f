"""One question that a flow follows up: what is asked for it, what that takes, and what no model was shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, Unpack

from longspan.errors import WindowExceeded
from longspan.flows.base import Events, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.prompting import frame, shown
from longspan.flows.replies import heard
from longspan.running.generation import Generation
from longspan.spans import Answer, Document, Span, Unread, merge, relevance, render
from longspan.usage import Usage

Thing = TypeVar("Thing")


@dataclass(kw_only=True)
class Inquiry:
    """What a flow has asked so far.

    usages: of all replies. read, failed: parts, in the order of their calls. skipped: tokens of the documents that were
    not chosen to be read.
    """

    chat: Chat
    question: str
    events: Events
    usages: list[Usage] = field(default_factory=list)
    read: list[Span] = field(default_factory=list)
    failed: list[Span] = field(default_factory=list)
    skipped: int = 0

    def parts(
        self, documents: Sequence[Document], tokens: int, reply: int, message: Callable[[str], Message]
    ) -> list[Span]:
        """The documents as parts that fit into calls of so many tokens, message and reply included.

        message: makes what is asked of a part as it is shown. Raises WindowExceeded where it leaves no room.
        """
        empty = message(frame(documents))["content"]
        wanted = tokens - reply - self.chat.count_tokens(empty)
        if wanted < 1:
            raise WindowExceeded(
                f"question, instructions and a reply of {reply:,} tokens leave no room for a text in calls of "
                f"{tokens:,} tokens; shorten the question, or raise the tokens of a call, such as chunk=..."
            )
        return parts(documents, room(self.chat, wanted, reply, empty), self.chat.count_tokens)

    def space(
        self, documents: Sequence[Document], tokens: int, reply: int, message: Callable[[str], Message]
    ) -> int:
        """Tokens of documents that fit into one call beside a reply: as many as wanted, or what the chat has."""
        return room(self.chat, tokens, reply, message(frame(documents))["content"])

    def ask(
        self,
        message: Message,
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """One reply. Raises what the chat raises."""
        reply = self.chat.generate([message], stream=stream, **generation)
        self.usages.append(reply.usage)
        return reply

    def ask_each(
        self,
        things: Sequence[Thing],
        messages: Callable[[Thing], Sequence[Message]],
        **generation: Unpack[Generation],
    ) -> list[Reply | None]:
        """A reply for each thing, side by side, None for calls that failed. Raises FlowError where many did."""
        replies = heard(self.chat.generate_all([messages(each) for each in things], **generation))
        self.usages += [each.usage for each in replies if each is not None]
        return replies

    def read_each(
        self, found: Sequence[Span], message: Callable[[str], Message], **generation: Unpack[Generation]
    ) -> list[tuple[Span, Reply]]:
        """The parts that were read, each with what was said of it; the others are unread,
        unless another call reads them."""
        replies = self.ask_each(found, lambda part: [message(shown([part]))], **generation)
        self.failed += [part for part, reply in zip(found, replies, strict=True) if reply is None]
        said = [(part, reply) for part, reply in zip(found, replies, strict=True) if reply is not None]
        self.read += [part for part, _ in said]
        return said

    def read_next(
        self,
        part: Span,
        message: Message,
        replies: list[Reply | Failed],
        of: int,
        **generation: Unpack[Generation],
    ) -> Reply | None:
        """What is said of one part of many that are read in turn; None where the call failed, then it is unread.

        replies: of the parts before; this one joins them. of: how many parts there are. Raises FlowError where many
        calls failed.
        """
        replies += self.chat.generate_all([[message]], **generation)
        reply = heard(replies, of)[-1]
        if reply is None:
            self.failed.append(part)
        else:
            self.read.append(part)
            self.usages.append(reply.usage)
        return reply

    @property
    def unread(self) -> list[Unread]:
        """Parts that no call has read."""
        never = dict.fromkeys(part for part in self.failed if part not in self.read)
        return [Unread(span=part, reason="the call that read it failed") for part in never]

    def fitting(self, found: Sequence[Span], message: Callable[[str], Message]) -> list[Span]:
        """Parts that fit into the call of the answer, in their order; where not all do, those that speak most of it.

        message: makes what is asked about parts as they are shown.
        """
        documents = list(dict.fromkeys(each.document for each in found))
        reply, empty = reply_tokens(self.events), message(frame(documents))["content"]
        whole = merge(found)
        needed = self.chat.count_tokens(render(whole))
        if needed <= (budget := room(self.chat, needed, reply, empty)):
            return whole
        scores = relevance([each.text for each in found], self.question)
        taken: list[int] = []
        for number in sorted(range(len(found)), key=lambda number: -scores[number]):
            trial = merge(found[each] for each in sorted([*taken, number]))
            if self.chat.count_tokens(render(trial)) <= budget:
                taken.append(number)
        self.events.step(
            f"{len(found) - len(taken):,} of {len(found):,} places do not fit into the last call"
        )
        return merge(found[each] for each in sorted(taken))

    def conclude(self, message: Message, read: Sequence[Span]) -> Answer:
        """The answer to the last message, which may rest on what was read."""
        said = self.ask(message, stream=self.events.stream, **self.events.generation)
        return self.answer(said, read)

    def answer(self, said: Reply | None, read: Sequence[Span] = ()) -> Answer:
        """A reply that was had as the answer; None where nothing was found."""
        answer = concluded(
            said, self.question, read, self.usages, unread=self.unread, count=self.chat.count_tokens
        )
        skipped = answer.usage.truncated_tokens + self.skipped
        return replace(answer, usage=replace(answer.usage, truncated_tokens=skipped))

"""Language hooks: programs that look at each reply, and may have it given again in another context."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from longspan.errors import LongspanError
from longspan.flows.base import together
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.choosing import Chosen
from longspan.parameters import check_whole
from longspan.running.generation import Generation
from longspan.spans import Span, claims
from longspan.spans.quotations import quotations


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A program beside a chat.

    name: as records have it. trigger: whether it acts, by the messages and what was said to them. run: the messages to
    which the next reply is given; it may call tools and other models.
    """

    name: str
    trigger: Callable[[Sequence[Message], str], bool]
    run: Callable[[Sequence[Message], str], Sequence[Message]]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a hook did. said: the reply on which it acted. messages: what was asked then."""

    hook: str
    said: str
    messages: tuple[Message, ...]


class Hooked:
    """A chat with hooks, tried in their order after each reply; the first that acts has the reply given again.

    No prompt has to speak of them. times: how often one hook acts on the way to one reply at most; what is said then
    counts. Replies come at once, not in pieces. edits: what hooks did, of all calls. https://arxiv.org/abs/2412.05967
    """

    def __init__(self, chat: Chat, hooks: Sequence[Hook], *, times: int = 2) -> None:
        check_whole("times", times, 1)
        self._chat, self._hooks, self._times = chat, tuple(hooks), times
        self.edits: list[Edit] = []

    @property
    def identity(self) -> str:
        """That of the chat, with the hooks' names."""
        return json.dumps([self._chat.identity, [hook.name for hook in self._hooks], self._times])

    @property
    def forms(self) -> bool:
        """As the chat has it."""
        return self._chat.forms

    @property
    def longest(self) -> int | None:
        """As the chat has it."""
        return self._chat.longest

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self._chat.count_tokens(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply on which no hook acts any more, with the usage of all. Raises what the chat and hooks raise."""
        if not self._hooks:
            return self._chat.generate(messages, stream=stream, **generation)
        reply = self._settled(messages, self._chat.generate(messages, **generation), generation)
        if stream is not None and reply.text:
            stream(reply.text)
        return reply

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies as `Chat.generate_all` has them, those on which a hook acts one after the other."""
        replies = self._chat.generate_all(prompts, **generation)
        return [self._or_failed(*each, generation) for each in zip(prompts, replies, strict=True)]

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """As the chat has it: a choice is no reply on which hooks act."""
        return self._chat.choose_all(prompts, options)

    def _or_failed(
        self, messages: Sequence[Message], reply: Reply | Failed, generation: Generation
    ) -> Reply | Failed:
        if isinstance(reply, Failed):
            return reply
        try:
            return self._settled(messages, reply, generation)
        except LongspanError as error:
            return Failed(reason=str(error))

    def _settled(self, messages: Sequence[Message], reply: Reply, generation: Generation) -> Reply:
        usages, acted = [reply.usage], Counter[str]()
        while (hook := self._acting(messages, reply.text, acted)) is not None:
            messages = tuple(hook.run(messages, reply.text))
            acted[hook.name] += 1
            self.edits.append(Edit(hook=hook.name, said=reply.text, messages=messages))
            reply = self._chat.generate(messages, **generation)
            usages.append(reply.usage)
        return replace(reply, usage=together(usages))

    def _acting(self, messages: Sequence[Message], said: str, acted: Counter[str]) -> Hook | None:
        return next(
            (hook for hook in self._hooks if acted[hook.name] < self._times and hook.trigger(messages, said)),
            None,
        )


def quotes_stand(read: Sequence[Span]) -> Hook:
    """A hook that acts where a reply quotes what does not stand in what was read, and says which quotations."""

    def invented(said: str) -> list[str]:
        return [
            claim.text
            for claim in claims(said, read)
            if claim.state == "unverified" and quotations(claim.text)
        ]

    def again(messages: Sequence[Message], said: str) -> list[Message]:
        told = "\n".join(invented(said))
        return [
            *messages,
            Message(role="assistant", content=said),
            Message(role="user", content=f"These quotations do not stand in the text; answer again:\n{told}"),
        ]

    return Hook(name="quotes-stand", trigger=lambda messages, said: bool(invented(said)), run=again)

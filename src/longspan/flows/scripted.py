"""A chat that says what it is told to, for tests of flows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, Unpack

from longspan.errors import LongspanError, WindowExceeded
from longspan.flows.chat import Failed, Message, Reply
from longspan.flows.choosing import VERDICT, Chosen, by_words
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.usage import Usage

Said: TypeAlias = "str | Reply | LongspanError | Callable[[str], str | Reply | LongspanError]"
"""What is replied: a text, a whole reply, an error that is raised, or a function of what was asked that gives one."""


def _words(text: str) -> int:
    return len(text.split())


@dataclass
class Scripted:
    """Replies by rules: the first whose text occurs in what is asked says what is replied.

    rules: pairs of a text, or of a function that says whether it is meant, and what is replied. count: tokens of a
    text, by default its words. calls: all that was asked, in order, each a list of messages; groups: how many were
    asked together, each. A question that no rule knows is a LookupError that shows it.
    """

    rules: Sequence[tuple[str | Callable[[str], bool], Said]]
    longest: int | None = 4096
    forms: bool = False
    count: Callable[[str], int] = _words
    identity: str = "scripted"
    calls: list[list[Message]] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        """The words of each call, all roles joined by line breaks."""
        return ["\n".join(each["content"] for each in messages) for messages in self.calls]

    def count_tokens(self, text: str) -> int:
        """As `count` says."""
        return self.count(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """What the rules say. Raises WindowExceeded where it does not fit, and LookupError where no rule is meant."""
        self.calls.append(list(messages))
        self.settings.append(dict(generation))
        asked = self.asked[-1]
        tokens = self.count(asked) + generation.get("max_new_tokens", MAX_NEW_TOKENS)
        if self.longest is not None and tokens > self.longest:
            raise WindowExceeded(f"{tokens:,} tokens > window {self.longest:,}; ask for less")
        for meant, said in self.rules:
            if meant in asked if isinstance(meant, str) else meant(asked):
                reply = said(asked) if callable(said) else said
                if isinstance(reply, LongspanError):
                    raise reply
                return self._reply(asked, reply, stream)
        raise LookupError(f"no rule replies to this: {asked}; add one")

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """The same for each; what the rules raise has failed."""
        self.groups.append(len(prompts))
        found: list[Reply | Failed] = []
        for messages in prompts:
            try:
                found.append(self.generate(messages, **generation))
            except LongspanError as error:
                found.append(Failed(reason=str(error)))
        return found

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """As the replies say; one that is a number is the share of the first of two options."""
        found: list[Chosen | Failed] = []
        for each in self.generate_all(prompts, max_new_tokens=VERDICT):
            if isinstance(each, Failed):
                found.append(each)
            elif re.fullmatch(r"[01]?\.?\d+", each.text):
                share = float(each.text)
                found.append(Chosen(shares=(share, 1 - share), usage=each.usage))
            else:
                found.append(Chosen(shares=by_words(each.text, options), usage=each.usage))
        return found

    def _reply(self, asked: str, said: str | Reply, stream: Callable[[str], None] | None) -> Reply:
        text = said if isinstance(said, str) else said.text
        if stream is not None and text:
            stream(text)
        if isinstance(said, Reply):
            return said
        usage = Usage(
            prompt_tokens=self.count(asked),
            generated_tokens=self.count(text),
            kv_bytes=0,
            peak_kv_bytes=0,
            prefill_seconds=0.0,
            decode_seconds=0.0,
        )
        return Reply(text=text, usage=usage)

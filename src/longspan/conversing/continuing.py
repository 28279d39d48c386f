"""A model of this process that goes on from what it has read: what messages have in common is read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self, Unpack

from longspan.dialogue import dialogue_ids
from longspan.errors import WindowExceeded
from longspan.flows.chat import Local, Message, Reply
from longspan.running.generation import Generation, Said
from longspan.running.sequence import Mark
from longspan.session import Session
from longspan.spans import split_reasoning
from longspan.usage import Usage

_MARKS = 4


class Continuing(Local):
    """As `Local`, with one session that is taken back to where messages begin to differ from those before.

    So a conversation reads only what is new in each turn, and branches of it share what stands before them. Replies are
    those of fresh sessions; under a plan whose policy drops entries, which would drop others then, each call has a
    session of its own. Use it as a context manager, or close it, to give its memory back.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._session: Session | None = None
        self._read: list[int] = []
        self._marks: list[tuple[int, list[Mark]]] = []
        self.reused_tokens = 0

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply, as `Chat.generate` says."""
        if self.plan.policy is not None:
            return super().generate(messages, stream=stream, **generation)
        said = [(each["role"], each["content"]) for each in messages]
        ids, reasoning = dialogue_ids(self.model.tokenizer, said, self.template)
        other, _ = dialogue_ids(self.model.tokenizer, [*said[:-1], (said[-1][0], "")], self.template)
        generation.setdefault("reasoning", reasoning)
        try:
            return self._reply(ids, common(ids, other), stream, generation)
        except WindowExceeded:
            if not self.reused_tokens:
                raise
            self.close()  # a session's window can be that of the first text
            return self._reply(ids, common(ids, other), stream, generation)
        except BaseException:
            self.close()
            raise

    def branch(self) -> Self:
        """Another that goes on from the last messages and has read what they are; memory is shared until one writes."""
        twin = type(self)(
            self.model, self.plan, chunk=self._chunk, template=self.template, progress=self.progress
        )
        if self._session is not None and self._marks:
            end, marks = self._marks[-1]
            self._session.rewind(marks)
            self._read = self._read[:end]
            twin._session, twin._read = self._session.fork(), list(self._read)
            twin._marks = [(end, twin._session.mark())]
        return twin

    def close(self) -> None:
        """Gives memory back; the next reply reads all of its messages."""
        if self._session is not None:
            self._session.close()
        self._session, self._read, self._marks, self.reused_tokens = None, [], [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reply(
        self, ids: list[int], last: int, stream: Callable[[str], None] | None, generation: Generation
    ) -> Reply:
        """The reply to token ids, of which the last message begins at `last`."""
        session = self._taken_back(ids)
        before = session.usage
        for end in (last, len(ids)):
            if end > len(self._read):
                session.read(ids[len(self._read) : end], progress=self.progress)
                self._read = ids[:end]
                self._marks = [*self._marks[-_MARKS + 1 :], (end, session.mark())]
        heard, cut = Said(), False
        for step in session.generate(**generation):
            heard.take(step)
            cut = step.finished == "length"
            if stream is not None and step.text:
                stream(step.text)
        exact = generation.get("form") is not None
        begun = generation.get("reasoning") == "begun"
        reasoned, answer = split_reasoning(heard.text, begun=begun, exact=exact)
        return Reply(
            text=answer,
            reasoning=reasoned,
            usage=_since(before, session.usage),
            logprobs=tuple(heard.logprobs),
            complete=heard.complete,
            cut=cut,
        )

    def _taken_back(self, ids: list[int]) -> Session:
        """The session at the last moment when all that it had read are the first of these ids; a new one for none."""
        shared = common(ids, self._read)
        self._marks = [each for each in self._marks if each[0] <= shared]
        if not self._marks or self._session is None:
            self.close()
            self._session = self.model.session(self.plan, chunk=self._chunk, template=self.template)
        else:
            end, marks = self._marks[-1]
            self._session.rewind(marks)
            self._read, self.reused_tokens = ids[:end], end
        return self._session


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two lists begin with alike."""
    limit = min(len(one), len(other))
    return next((at for at in range(limit) if one[at] != other[at]), limit)


def _since(before: Usage, after: Usage) -> Usage:
    """What a session took between two moments, with the bytes of the later one."""
    return replace(
        after,
        **{
            name: getattr(after, name) - getattr(before, name)
            for name in (
                "prompt_tokens",
                "generated_tokens",
                "prefill_seconds",
                "decode_seconds",
                "drafted_tokens",
                "accepted_tokens",
            )
        },
    )

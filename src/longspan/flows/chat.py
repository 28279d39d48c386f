"""Who answers messages: a model of this process, or a server. Flows are written against this."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, Unpack

from longspan.chat import Reasoning
from longspan.dialogue import dialogue_ids
from longspan.errors import LongspanError
from longspan.flows.choosing import Chosen, by_likelihood
from longspan.flows.forks import Forked
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.progress import Progress
from longspan.running.generation import Generation, Said
from longspan.spans import split_reasoning
from longspan.spans.logprobs import Logprobs
from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.model import Model
    from longspan.session import Session


class Message(TypedDict):
    """What somebody says. role: whose turn it is. content: the words."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back.

    text: the answer. reasoning: what was said in `<think>` before it. usage: what it took. logprobs: how likely each
    token of both was, if it was asked for. complete: False only where a form was asked for and not reached. cut:
    whether it ended at the longest length and not by itself. stopped: whether it was stopped, since others had ended.
    """

    text: str
    reasoning: str = ""
    usage: Usage
    logprobs: tuple[Logprobs, ...] = ()
    complete: bool = True
    cut: bool = False
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class Failed:
    """In place of a reply that could not be had. reason: one line."""

    reason: str


class Chat(Protocol):
    """What a flow asks. `Local` is a model of this process, `served.Served` any server, `scripted.Scripted` a test."""

    @property
    def identity(self) -> str:
        """Which model answers and how, so that what it said before can be used again."""
        ...

    @property
    def forms(self) -> bool:
        """Whether replies can be held to a form."""
        ...

    @property
    def longest(self) -> int | None:
        """Tokens that messages and reply may take together, None where no bound is known."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        ...

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply to messages, of which the last is the user's; nothing is remembered of earlier calls.

        stream: gets the text as it comes, reasoning included, or at once where it cannot come in pieces. generation: as
        for `Session.generate`. Raises WindowExceeded where messages and reply do not fit.
        """
        ...

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies to independent messages, in their order, some side by side; a failure leaves the others alone."""
        ...

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """Which of a few words the reply to each would begin with: by likelihood where that is known, else as it does.

        The options begin with different letters.
        """
        ...


class Local:
    """A model of this process under a plan, each call in a session of its own.

    chunk: tokens that pass through the model at a time. template: variables of the chat template. progress: told how
    far reading has come. together: how many of independent messages are answered side by side.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan | str | None = None,
        *,
        chunk: int = 2048,
        template: Mapping[str, Any] | None = None,
        progress: Callable[[Progress], None] | None = None,
        together: int = 4,
    ) -> None:
        check_range("together", together, 1)
        self.model, self.plan = model, Plan.of(plan)
        self._chunk, self.template, self.progress = chunk, template, progress
        self.together = together

    def session(self) -> Session:
        """A session of its own for a flow that reads otherwise than in messages."""
        return self.model.session(self.plan, chunk=self._chunk, template=self.template)

    @property
    def identity(self) -> str:
        """The model's weights, how they are held, the plan, and what else a reply depends on. Raises ContextError."""
        said = [self.model.identity, str(self.plan), self._chunk, dict(self.template or {})]
        return json.dumps(said, sort_keys=True, default=str)

    @property
    def forms(self) -> bool:
        """They can."""
        return True

    @property
    def longest(self) -> int | None:
        """The plan's window."""
        window: int | None = self.model.window
        positions = self.plan.positions
        return window if positions is None else positions.window(self.model.window)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self.model.count(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply, as `Chat.generate` says. Raises UnsupportedModel where the template takes no such messages."""
        return self._replies([self._ids(messages)], stream, generation)[0]

    def continued(
        self,
        ids: Sequence[int],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply to a prompt of token ids."""
        return self._replies([([*ids], generation.get("reasoning", "may"))], stream, generation)[0]

    def forks(self, messages: Sequence[Message], count: int) -> Forked:
        """So many replies to the same, to go on with side by side, which hold the messages once.

        Raises WindowExceeded where these do not fit.
        """
        ids, reasoning = self._ids(messages)
        return Forked(self.session(), ids, count, reasoning=reasoning, progress=self.progress)

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies to independent messages, some of them side by side, of about the same length."""
        found: list[Reply | Failed | None] = [None] * len(prompts)
        read: dict[int, tuple[list[int], Reasoning]] = {}
        for number, messages in enumerate(prompts):
            try:
                read[number] = self._ids(messages)
            except LongspanError as error:
                found[number] = Failed(reason=str(error))
        order = sorted(read, key=lambda number: len(read[number][0]))
        for start in range(0, len(order), self.together):
            some = order[start : start + self.together]
            for number, reply in zip(
                some, self._those([read[each] for each in some], generation), strict=True
            ):
                found[number] = reply
        return [each for each in found if each is not None]

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """By the likelihood of the first token."""
        return [
            each
            if isinstance(each, Failed)
            else Chosen(shares=by_likelihood(each.logprobs[0], options), usage=each.usage)
            for each in self.generate_all(prompts, max_new_tokens=1, logprobs=_LIKELIEST)
        ]

    def _those(
        self, prompts: list[tuple[list[int], Reasoning]], generation: Generation
    ) -> Sequence[Reply | Failed]:
        """Side by side where they all can be, else each for itself."""
        if len({reasoning for _, reasoning in prompts}) == 1:
            try:
                return self._replies(prompts, None, generation)
            except LongspanError as error:
                if len(prompts) == 1:
                    return [Failed(reason=str(error))]
        return [reply for each in prompts for reply in self._those([each], generation)]

    def _ids(self, messages: Sequence[Message]) -> tuple[list[int], Reasoning]:
        said = [(each["role"], each["content"]) for each in messages]
        return dialogue_ids(self.model.tokenizer, said, self.template)

    def _replies(
        self,
        prompts: Sequence[tuple[list[int], Reasoning]],
        stream: Callable[[str], None] | None,
        generation: Generation,
    ) -> list[Reply]:
        """To prompts that are alike in how they reason, in one session."""
        ids, reasoning = [each for each, _ in prompts], prompts[0][1]
        size = len(prompts)
        with self.model.session(self.plan, size=size, chunk=self._chunk, template=self.template) as session:
            heard, cut = [Said() for _ in prompts], [False] * size
            given: Generation = {"reasoning": reasoning, **generation}
            session.read(ids if size > 1 else ids[0], progress=self.progress)
            for step in session.generate(**given):
                heard[step.sequence].take(step)
                cut[step.sequence] = step.finished == "length"
                if stream is not None and step.text:
                    stream(step.text)
            exact = generation.get("form") is not None
            replies = []
            for each, long, usage in zip(heard, cut, _usages(session), strict=True):
                reasoned, answer = split_reasoning(each.text, begun=reasoning == "begun", exact=exact)
                replies.append(
                    Reply(
                        text=answer,
                        reasoning=reasoned,
                        usage=usage,
                        logprobs=tuple(each.logprobs),
                        complete=each.complete,
                        cut=long,
                    )
                )
            return replies


_LIKELIEST = 20
"""First tokens of a reply among which options are looked for."""


def _usages(session: Session) -> list[Usage]:
    """What each sequence of a session took; what they had at most and what lies elsewhere is shared out evenly."""
    whole, count = session.usage, session.size
    if count == 1:
        return [whole]
    return [
        Usage(
            prompt_tokens=each.spent.read_tokens,
            generated_tokens=each.spent.generated_tokens,
            kv_bytes=each.bytes_held,
            peak_kv_bytes=whole.peak_kv_bytes // count,
            prefill_seconds=each.spent.prefill_seconds,
            decode_seconds=each.spent.decode_seconds,
            offloaded_bytes=whole.offloaded_bytes // count,
            drafted_tokens=each.spent.drafted_tokens,
            accepted_tokens=each.spent.accepted_tokens,
            draft_gain=whole.draft_gain,
        )
        for each in session.sequences
    ]

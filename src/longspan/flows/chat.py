"""Who answers messages: a model of this process, or a server. Flows are written against this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, Unpack

from longspan.dialogue import dialogue_ids
from longspan.plan import Plan
from longspan.progress import Progress
from longspan.running.generation import Generation, Said
from longspan.spans import split_reasoning
from longspan.spans.logprobs import Logprobs
from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.model import Model


class Message(TypedDict):
    """What somebody says. role: whose turn it is. content: the words."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back.

    text: the answer. reasoning: what was said in `<think>` before it. usage: what it took. logprobs: how likely each
    token of both was, if it was asked for. complete: False only where a form was asked for and not reached.
    """

    text: str
    reasoning: str = ""
    usage: Usage
    logprobs: tuple[Logprobs, ...] = ()
    complete: bool = True


class Chat(Protocol):
    """What a flow asks. `Local` is a model of this process, `evaluation.endpoint.Endpoint` any server."""

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


class Local:
    """A model of this process under a plan, each call in a session of its own.

    chunk: tokens that pass through the model at a time. template: variables of the chat template. progress: told how
    far reading has come.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan | str | None = None,
        *,
        chunk: int = 2048,
        template: Mapping[str, Any] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.model, self.plan = model, Plan.of(plan)
        self._chunk, self._template, self._progress = chunk, template, progress

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
        said = [(each["role"], each["content"]) for each in messages]
        ids, reasoning = dialogue_ids(self.model.tokenizer, said, self._template)
        with self.model.session(self.plan, chunk=self._chunk, template=self._template) as session:
            heard = Said()
            generation.setdefault("reasoning", reasoning)
            for step in session.read(ids, progress=self._progress).generate(**generation):
                heard.take(step)
                if stream is not None and step.text:
                    stream(step.text)
            exact = generation.get("form") is not None
            reasoned, answer = split_reasoning(heard.text, begun=reasoning == "begun", exact=exact)
            return Reply(
                text=answer,
                reasoning=reasoned,
                usage=session.usage,
                logprobs=tuple(heard.logprobs),
                complete=heard.complete,
            )

"""Several replies to the same messages, of which the first to end may be enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Unpack, runtime_checkable

from longspan.errors import FlowError, LongspanError
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.forks import Forks, Strand
from longspan.running.generation import Generation
from longspan.spans import split_reasoning
from longspan.usage import Usage

THOUGHT = "</think>"
"""With which models end their reasoning."""

Heard = Callable[[int, Reply], None]
"""Told of a reply as soon as it is there, with its number."""


@dataclass(frozen=True, kw_only=True)
class Chained:
    """What came back, in the order of the seeds, and which of them ended by themselves, in the order in which they did.

    A reply that did not is `cut` or `stopped`.
    """

    replies: tuple[Reply | Failed, ...]
    order: tuple[int, ...]


@runtime_checkable
class Chaining(Protocol):
    """A chat with a way of its own to have several replies to the same."""

    def chains(
        self,
        messages: Sequence[Message],
        seeds: Sequence[int],
        *,
        enough: int | None = None,
        heard: Heard | None = None,
        **generation: Unpack[Generation],
    ) -> Chained:
        """As `chains`."""
        ...


@runtime_checkable
class Forking(Protocol):
    """A chat whose replies can be gone on with, and forked on the way."""

    def forks(self, messages: Sequence[Message], count: int) -> Forks:
        """So many replies to the same, of which nothing is said yet."""
        ...


def chains(
    chat: Chat,
    messages: Sequence[Message],
    seeds: Sequence[int],
    *,
    enough: int | None = None,
    heard: Heard | None = None,
    **generation: Unpack[Generation],
) -> Chained:
    """A reply to the same messages for each seed.

    enough: how many that ended are enough; the others are stopped at once. A reply has ended when its reasoning has, if
    the model reasons; then its answer follows, for which max_new_tokens counts anew. In a model of this process they go
    side by side and hold the messages once. Where a chat does one after the other, those count as first that are
    shortest, and nothing is saved by stopping the others. heard: told of each reply when it is there.
    """
    if isinstance(chat, Chaining):
        return chat.chains(messages, seeds, enough=enough, heard=heard, **generation)
    if isinstance(chat, Forking):
        with chat.forks(messages, len(seeds)) as forks:
            found = _side_by_side(forks, seeds, enough, generation)
        for number, reply in enumerate(found.replies):
            if heard is not None and isinstance(reply, Reply):
                heard(number, reply)
        return found
    return _one_by_one(chat, messages, seeds, enough, heard, generation)


def forks_of(chat: Chat, messages: Sequence[Message], count: int, what: str) -> Forks:
    """Replies that can be gone on with. what: who needs them. Raises FlowError for a chat that has none."""
    if not isinstance(chat, Forking):
        raise FlowError(
            f"{what} goes on with replies that were begun, which {type(chat).__name__} cannot; use a model of this "
            "process, or self-consistency, which any server can do"
        )
    return chat.forks(messages, count)


def first_of(replies: Sequence[Reply | Failed], enough: int | None) -> Chained:
    """What is made of replies that all went on to their end: the shortest count as the first."""
    ended = [
        number
        for number, reply in enumerate(replies)
        if isinstance(reply, Reply) and not (reply.cut or reply.stopped)
    ]
    ended.sort(key=lambda number: (_tokens(replies[number]), number))
    order = ended[:enough]
    late = set(ended) - set(order)
    stopped = tuple(
        replace(reply, stopped=True) if isinstance(reply, Reply) and number in late else reply
        for number, reply in enumerate(replies)
    )
    return Chained(replies=stopped, order=tuple(order))


def reply_of(strand: Strand, used: Usage, *, begun: bool, exact: bool) -> Reply:
    """What a strand has become. used: what is counted for it."""
    reasoning, text = split_reasoning(strand.text, begun=begun, exact=exact)
    return Reply(
        text=text,
        reasoning=reasoning,
        usage=used,
        logprobs=tuple(strand.logprobs),
        complete=strand.complete,
        cut=strand.state == "cut",
        stopped=strand.state == "stopped",
    )


def _one_by_one(
    chat: Chat,
    messages: Sequence[Message],
    seeds: Sequence[int],
    enough: int | None,
    heard: Heard | None,
    generation: Generation,
) -> Chained:
    replies: list[Reply | Failed] = []
    for number, seed in enumerate(seeds):
        generation["seed"] = seed
        try:
            replies.append(reply := chat.generate(messages, **generation))
        except LongspanError as error:
            replies.append(Failed(reason=str(error)))
            continue
        if heard is not None:
            heard(number, reply)
    return first_of(replies, enough)


def _side_by_side(forks: Forks, seeds: Sequence[int], enough: int | None, generation: Generation) -> Chained:
    everyone, begun = range(len(seeds)), forks.reasoning == "begun"
    if enough is None or forks.reasoning == "none":
        order = forks.speak(everyone, seeds, enough=enough, **generation)
    else:
        own = generation.get("stop", ())
        stops = (THOUGHT, *([own] if isinstance(own, str) else own))
        order = forks.speak(everyone, seeds, enough=enough, **{**generation, "stop": stops})  # type: ignore[arg-type]
        thinking = [number for number in order if _reasons(forks.strands[number], begun)]
        for number in thinking:
            forks.strands[number].text += THOUGHT
        if thinking:
            said = [list(forks.strands[number].logprobs) for number in thinking]
            forks.speak(thinking, [seeds[number] for number in thinking], **generation)
            for number, before in zip(thinking, said, strict=True):
                forks.strands[number].logprobs[:0] = before
    exact, used = generation.get("form") is not None, forks.usage
    return Chained(
        replies=tuple(
            reply_of(strand, shared(used, strand.tokens, first=not number), begun=begun, exact=exact)
            for number, strand in enumerate(forks.strands)
        ),
        order=tuple(number for number in order if forks.strands[number].state != "cut"),
    )


def shared(used: Usage, tokens: int, *, first: bool) -> Usage:
    """What is counted for one of several that were side by side: what was asked for the first, seconds by tokens."""
    share = tokens / used.generated_tokens if used.generated_tokens else 0.0
    return replace(
        used,
        prompt_tokens=used.prompt_tokens if first else 0,
        prefill_seconds=used.prefill_seconds if first else 0.0,
        generated_tokens=tokens,
        decode_seconds=used.decode_seconds * share,
    )


def _reasons(strand: Strand, begun: bool) -> bool:
    """Whether a strand that met a stop string met the end of its reasoning there."""
    inside = begun or strand.text.lstrip().startswith("<think>")
    return strand.state == "met" and inside and THOUGHT not in strand.text


def _tokens(reply: Reply | Failed) -> int:
    return reply.usage.generated_tokens if isinstance(reply, Reply) else 0

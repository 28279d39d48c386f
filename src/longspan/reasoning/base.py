"""The contract of a way to reason: how messages become thoughts, and thoughts an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from longspan.errors import FlowError
from longspan.flows.base import Events, together
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.reasoning.answers import Kind, final_answer
from longspan.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One way in which a model thought. answer: what it came to, made alike; None where it announces no answer."""

    reply: Reply | Failed
    answer: str | None


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What was thought.

    reply: of the chain that was chosen. answer: what was voted for, None where no chain has an answer. chains: all of
    them, in their order. votes: how many chains came to each answer, the most first. usage: of all of it.
    """

    reply: Reply
    answer: str | None
    chains: tuple[Chain, ...]
    votes: Mapping[str, int] = field(default_factory=dict)
    usage: Usage

    @property
    def text(self) -> str:
        """What the chosen chain says, without its reasoning."""
        return self.reply.text


@dataclass(frozen=True, kw_only=True)
class Reasoner(ABC):
    """Base of all ways to reason, a method whose parameters are fields, such as `self-consistency(chains=5)`."""

    @abstractmethod
    def reason(self, chat: Chat, messages: Sequence[Message], events: Events) -> Conclusion:
        """What comes of messages, the last of which asks.

        events: told what is done, and given the text that was chosen; `events.generation` says how tokens are drawn,
        before what the method has as its own, and its seed is that of the first chain. Raises WindowExceeded where it
        cannot fit, and FlowError where nothing was said or the chat lacks what the method needs.
        """


def seeds(events: Events, count: int) -> list[int]:
    """Of so many chains: the seed that is asked for, or 0, and those after it."""
    first = events.generation.get("seed") or 0
    return [first + number for number in range(count)]


def answered(replies: Sequence[Reply | Failed], kind: Kind) -> tuple[Chain, ...]:
    """What chains came to. Raises FlowError where all of them failed."""
    if not any(isinstance(each, Reply) for each in replies):
        reason = next((each.reason for each in replies if isinstance(each, Failed)), "none was made")
        raise FlowError(
            f"all {len(replies):,} chains failed, the first because: {reason}; mend that and run again"
        )
    return tuple(
        Chain(reply=each, answer=final_answer(each.text, kind) if isinstance(each, Reply) else None)
        for each in replies
    )


def elected(chains: Sequence[Chain], voters: Sequence[int], *, shortest: bool, events: Events) -> Conclusion:
    """The answer that most of the voters have, in the words of one that has it.

    voters: numbers of chains, those first whose words are preferred. shortest: whether of answers with as many votes
    that of the shortest chain wins, else that of the first. Where no voter has an answer, the first one speaks.
    """
    votes: dict[str, int] = {}
    for number in voters:
        answer = chains[number].answer
        if answer is not None:
            votes[answer] = votes.get(answer, 0) + 1
    order = sorted(voters, key=lambda number: _tokens(chains[number])) if shortest else list(voters)
    winner = max(votes, key=lambda answer: (votes[answer], -_first(chains, order, answer)), default=None)
    chosen = order[_first(chains, order, winner)] if winner is not None else order[0]
    reply = chains[chosen].reply
    if not isinstance(reply, Reply):
        raise RuntimeError(f"chain {chosen} has failed, and was to speak")
    events.stream(reply.text)
    return Conclusion(
        reply=reply,
        answer=winner,
        chains=tuple(chains),
        votes=dict(sorted(votes.items(), key=lambda each: -each[1])),
        usage=together([each.reply.usage for each in chains if isinstance(each.reply, Reply)]),
    )


def whole(conclusion: Conclusion) -> Reply:
    """The reply that was chosen, with what all of it took."""
    return replace(conclusion.reply, usage=conclusion.usage)


def _first(chains: Sequence[Chain], order: Sequence[int], answer: str | None) -> int:
    return next(place for place, number in enumerate(order) if chains[number].answer == answer)


def _tokens(chain: Chain) -> int:
    return chain.reply.usage.generated_tokens if isinstance(chain.reply, Reply) else 0

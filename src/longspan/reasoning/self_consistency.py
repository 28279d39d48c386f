"""Self-consistency: several chains of thought, and the answer that most of them come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chains import chains
from longspan.flows.chat import Chat, Message, Reply
from longspan.parameters import check_range, check_whole
from longspan.reasoning.answers import Kind, check_kind
from longspan.reasoning.base import Conclusion, Reasoner, answered, elected, seeds
from longspan.registry import Card
from longspan.running.generation import Generation

CARD = Card(
    name="self-consistency",
    target="longspan.reasoning.self_consistency:SelfConsistency",
    paper="Self-Consistency Improves Chain of Thought Reasoning in Language Models",
    link="https://arxiv.org/abs/2203.11171",
    year=2022,
    training=False,
    changes="Draws several chains of thought on one prompt, and gives the answer that most of them come to.",
)


@dataclass(frozen=True, kw_only=True)
class SelfConsistency(Reasoner):
    """The most frequent answer of chains that were drawn by chance. https://arxiv.org/abs/2203.11171

    Each chain has one vote, as in the paper, where weights by likelihood made no difference; of answers with as many
    votes that of the earliest chain wins. Chains that failed, or were cut at the longest length, do not vote, unless
    all that did not fail were cut.
    """

    chains: int = 40
    """How many chains are drawn; most of the gain comes with the first 5 to 10."""

    temperature: float = 0.7
    """How they are drawn, unless the question says it."""

    answer: Kind = "auto"
    """What an answer is: number, choice, text, or auto for what is announced as one."""

    def __post_init__(self) -> None:
        check_whole("chains", self.chains, 1)
        check_range("temperature", self.temperature, 0)
        check_kind(self.answer)

    def reason(self, chat: Chat, messages: Sequence[Message], events: Events) -> Conclusion:
        """Chains side by side, and their vote."""
        events.step(f"thinks in {self.chains:,} chains")
        drawn: Generation = {"temperature": self.temperature, **events.generation}
        found = answered(chains(chat, messages, seeds(events, self.chains), **drawn).replies, self.answer)
        said = [number for number, each in enumerate(found) if isinstance(each.reply, Reply)]
        ended = [number for number in said if not found[number].reply.cut]  # type: ignore[union-attr]
        conclusion = elected(found, ended or said, shortest=False, events=events)
        events.step(voted(conclusion, len(ended), len(found)))
        return conclusion


def voted(conclusion: Conclusion, ended: int, count: int) -> str:
    """A line on how a vote went."""
    if conclusion.answer is None:
        return f"{ended:,} of {count:,} chains ended, and none announces an answer"
    votes, total = conclusion.votes[conclusion.answer], sum(conclusion.votes.values())
    return f"{ended:,} of {count:,} chains ended; {votes:,} of {total:,} votes are for {conclusion.answer}"

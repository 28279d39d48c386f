"""short-m@k: the first chains of thought to end vote, and the others are stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chains import chains
from longspan.flows.chat import Chat, Message, Reply
from longspan.parameters import check_range, check_whole
from longspan.reasoning.answers import Kind, check_kind
from longspan.reasoning.base import Conclusion, Reasoner, answered, elected, seeds
from longspan.reasoning.self_consistency import voted
from longspan.registry import Card
from longspan.running.generation import Generation

CARD = Card(
    name="short-m-at-k",
    target="longspan.reasoning.short_m_at_k:ShortMAtK",
    paper="Don't Overthink it. Preferring Shorter Thinking Chains for Improved LLM Reasoning",
    link="https://arxiv.org/abs/2505.17813",
    year=2025,
    training=False,
    changes="Runs k chains of thought side by side, stops all when m have ended, and lets these vote.",
    field=(66,),
    missing="Training on the shortest chains is left out.",
)


@dataclass(frozen=True, kw_only=True)
class ShortMAtK(Reasoner):
    """The majority of the first m of k chains to end. https://arxiv.org/abs/2505.17813

    A chain has ended when its reasoning has, where the model reasons, and then gives its answer; else when its reply
    has. Of answers with as many votes that of the shortest chain wins. Where fewer than m end within the longest
    length, those vote that did; where none does, those that were cut. What is stopped costs nothing more: rows of a
    batch are freed, and requests to a server are cancelled. A chat that does one after the other saves nothing, and the
    shortest count as the first.
    """

    m: int = 3
    """How many chains that ended are enough."""

    k: int = 9
    """How many chains are begun."""

    temperature: float = 0.7
    """How they are drawn, unless the question says it."""

    top_p: float = 0.95
    """The same: the likeliest tokens that make up this share."""

    answer: Kind = "auto"
    """What an answer is: number, choice, text, or auto for what is announced as one."""

    def __post_init__(self) -> None:
        check_whole("k", self.k, 1)
        check_whole("m", self.m, 1, self.k)
        check_range("temperature", self.temperature, 0)
        check_range("top_p", self.top_p, 0, 1)
        check_kind(self.answer)

    def reason(self, chat: Chat, messages: Sequence[Message], events: Events) -> Conclusion:
        """Chains side by side until enough have ended, and the vote of these."""
        events.step(f"thinks in {self.k:,} chains, of which the first {self.m:,} to end vote")
        drawn: Generation = {"temperature": self.temperature, "top_p": self.top_p, **events.generation}
        run = chains(chat, messages, seeds(events, self.k), enough=self.m, **drawn)
        found = answered(run.replies, self.answer)
        said = [number for number, each in enumerate(found) if isinstance(each.reply, Reply)]
        conclusion = elected(found, run.order or said, shortest=True, events=events)
        events.step(voted(conclusion, len(run.order), len(found)))
        return conclusion

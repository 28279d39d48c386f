"""Budget forcing: a thought that ends too soon is told to wait, and one that goes on too long is ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chains import THOUGHT, forks_of, reply_of
from longspan.flows.chat import Chat, Message
from longspan.flows.forks import Forks
from longspan.parameters import check_whole
from longspan.reasoning.answers import Kind, check_kind
from longspan.reasoning.base import Conclusion, Reasoner, answered, elected, seeds
from longspan.registry import Card
from longspan.running.generation import MAX_NEW_TOKENS, Generation

CARD = Card(
    name="budget-forcing",
    target="longspan.reasoning.budget_forcing:BudgetForcing",
    paper="s1: Simple test-time scaling",
    link="https://arxiv.org/abs/2501.19393",
    year=2025,
    training=False,
    trained=True,
    changes="Ends a thought at a number of tokens, and puts a word such as Wait where it would end before.",
)


@dataclass(frozen=True, kw_only=True)
class BudgetForcing(Reasoner):
    """A budget for thinking. https://arxiv.org/abs/2501.19393

    What is bounded is the reasoning of a model that reasons, up to ``</think>``; else, which is not the paper's, the
    reply itself. Where it would end, `word` is put in the place of its end, `waits` times; at `thought` tokens it is
    ended, and the answer is begun for it. It works with a model of this process, since servers go on with no reply.
    """

    thought: int = 4096
    """Tokens of the thought at most."""

    waits: int = 0
    """How many times an end is put off; the paper tries 2, 4 and 6."""

    word: str = "Wait"
    """What is said instead of an end."""

    final: str = "Final Answer:"
    """How the answer is begun where a thought is ended by force."""

    answer: Kind = "auto"
    """What an answer is: number, choice, text, or auto for what is announced as one."""

    def __post_init__(self) -> None:
        check_whole("thought", self.thought, 1)
        check_whole("waits", self.waits, 0)
        if not self.word.strip():
            raise ValueError("word is empty, and would put nothing off; write one, such as Wait")
        check_kind(self.answer)

    def reason(self, chat: Chat, messages: Sequence[Message], events: Events) -> Conclusion:
        """One reply, its thought as long as allowed, and as was asked for."""
        (seed,) = seeds(events, 1)
        with forks_of(chat, messages, 1, "budget-forcing") as forks:
            (strand,) = forks.strands
            waits, spent = self.waits, 0
            while True:
                self._speak(forks, seed, events, self.thought - strand.tokens, thinking=True)
                (strand,) = forks.strands
                reasons = forks.reasoning == "begun" or strand.text.lstrip().startswith("<think>")
                early = strand.state in ("ended", "met") and strand.tokens < self.thought
                if not (early and waits):
                    break
                waits, spent, seed = waits - 1, spent + 1, seed + 1
                forks.put(0, self.word, over=THOUGHT)
            events.step(
                f"thought for {strand.tokens:,} tokens, put off {spent:,} times"
                + (", ended by force" if strand.state == "cut" else "")
            )
            if strand.state == "cut":
                end = f"\n{THOUGHT}\n\n" if reasons else "\n\n"
                forks.put(0, f"{end}{self.final}")
                self._speak(forks, seed + 1, events, None, thinking=False)
            elif strand.state == "met":
                strand.text += THOUGHT
                self._speak(forks, seed + 1, events, None, thinking=False)
            reply = reply_of(forks.strands[0], forks.usage, begun=forks.reasoning == "begun", exact=False)
        return elected(answered([reply], self.answer), [0], shortest=False, events=events)

    def _speak(self, forks: Forks, seed: int, events: Events, longest: int | None, *, thinking: bool) -> None:
        drawn: Generation = {**events.generation}
        drawn["max_new_tokens"] = longest or drawn.get("max_new_tokens", MAX_NEW_TOKENS)
        if thinking:
            drawn["stop"] = THOUGHT
        forks.speak([0], [seed], **drawn)

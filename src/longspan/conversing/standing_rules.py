"""Standing instructions of a user: those that apply are put before a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.conversing.messages import excerpt
from longspan.conversing.rounds import Rounds
from longspan.conversing.talk import Spoken, Talk, rule
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING
from longspan.memory import Note, Turn
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.usage import Usage

CARD = Card(
    name="standing-rules",
    target="longspan.conversing.standing_rules:StandingRules",
    paper="Interpreting User Requests in the Context of Natural Language Standing Instructions",
    link="https://arxiv.org/abs/2311.09796",
    year=2023,
    training=False,
    changes="Puts those of the user's standing instructions before a request that apply to it.",
    field=(132,),
    missing="Requests are answered in words, where the paper fills in calls of services.",
)


@dataclass(frozen=True, kw_only=True)
class StandingRules(Rounds):
    """Selects the standing instructions that apply, then answers. https://arxiv.org/abs/2311.09796

    Candidates are found by search, the model picks of them by number, and what an instruction that was picked says
    leads to further ones, `chain` steps far. Instructions without a condition always apply. From the abstract; search,
    numbers and the rest of the conversation, which is as in `rounds`, are longspan's own.
    """

    candidates: int = 10
    """Instructions that the model picks from, in each step."""

    chain: int = 2
    """Steps by which one instruction leads to another."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("candidates", self.candidates, 1)
        check_whole("chain", self.chain, 0)

    def reply(self, talk: Talk, said: Turn) -> Spoken:
        """The answer under the instructions that apply, which are told."""
        chosen, picked = self._chosen(talk, said)
        if chosen:
            talk.events.step(f"follows {', '.join(f'rule {each.id}' for each in chosen)}")
        rules = [rule(each.condition, each.text) for each in chosen]
        told = "\n".join([talk.system, *(["The user's standing instructions:", *rules] if rules else [])])
        messages, spans, usages = self.prompt(talk, said, told)
        reply = talk.chat.generate(messages, stream=talk.events.stream, **talk.events.generation)
        return Spoken(reply=reply, shown=spans, usages=(*picked, *usages, reply.usage))

    def _chosen(self, talk: Talk, said: Turn) -> tuple[list[Note], list[Usage]]:
        every = talk.memory.notes("instruction")
        chosen = [each for each in every if not each.condition]
        waiting = {each.id: each for each in every if each.condition}
        about, usages = said.text, list[Usage]()
        for _ in range(1 + self.chain):
            found = (
                talk.memory.search(about, limit=max(1, len(every)), floor=0, kinds=None) if waiting else []
            )
            near = [waiting[each.note.id] for each in found if each.note and each.note.id in waiting]
            if not near and len(waiting) <= self.candidates:
                near = list(waiting.values())  # other words than theirs may be meant
            if not near:
                break
            fresh, usage = self._picked(talk, about, near[: self.candidates])
            usages.append(usage)
            if not fresh:
                break
            chosen += fresh
            waiting = {id: each for id, each in waiting.items() if each not in fresh}
            about = "\n".join(each.text for each in fresh)
        return sorted(chosen, key=lambda each: each.id), usages

    @staticmethod
    def _picked(talk: Talk, said: str, rules: Sequence[Note]) -> tuple[list[Note], Usage]:
        """Those that the model names by number; none where it answers with anything else."""
        lines = "\n".join(
            f"{number}. if {each.condition}: {each.text}" for number, each in enumerate(rules, 1)
        )
        words = excerpt(said, said[-400:], max(1, talk.room // 3), talk.chat.count_tokens, "message")
        asked = prompt("standing_rules", rules=lines, said=enclosed(words), nothing=NOTHING)
        reply = talk.chat.generate([asked], max_new_tokens=32)
        named = _numbers(reply.text)
        return [each for number, each in enumerate(rules, 1) if number in named], reply.usage


def _numbers(text: str) -> set[int]:
    """The numbers of a list of numbers; of a sentence, none."""
    if not re.fullmatch(
        r"[\s\d.,;:&#()\[\]]*(?:(?:and|rules?|instructions?)[\s\d.,;:&#()\[\]]*)*", text, re.IGNORECASE
    ):
        return set()
    return {int(each) for each in re.findall(r"\d{1,4}", text)}

"""Demonstrations under headings that say how they were chosen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from longspan.demonstrations.answering import Asked, Chosen, written
from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.lessons.base import Answering, Lesson
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.similar import Similar
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.prompting import enclosed, prompt
from longspan.parameters import check_choice
from longspan.registry import Card
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer

CARD = Card(
    name="ensemble-format",
    target="longspan.demonstrations.lessons.ensemble_format:EnsembleFormat",
    paper="Large Language Models Might Not Care What You Are Saying: Prompt Format Beats Descriptions",
    link="https://arxiv.org/abs/2408.08780",
    year=2024,
    training=False,
    changes="Shows demonstrations in groups, under headings that say by what each was chosen, or name anything.",
    field=(154,),
    missing="The second group is chosen by meaning, where the paper's translations are chosen by syntax.",
)

Headings = Literal["true", "random", "none"]

_NOUNS = (
    "lantern",
    "harbour",
    "ribbon",
    "orchard",
    "kettle",
    "meadow",
    "compass",
    "violin",
    "pebble",
    "curtain",
)


def _by_words() -> Selection:
    return Similar(k=2, retriever=Bm25())


def _by_meaning() -> Selection:
    return Similar(k=2)


@dataclass(frozen=True, kw_only=True)
class EnsembleFormat(Lesson):
    """Groups of demonstrations under headings. https://arxiv.org/abs/2408.08780

    That there are headings helps about as much where they name random nouns, which is the control that a comparison
    has to run: all kinds of headings show the same demonstrations in the same order. Deviation: the second group is the
    nearest by meaning, where the paper's is the nearest by syntax.
    """

    first: Selection = field(default_factory=_by_words, metadata={"room": "selection"})
    """What chooses the first group."""

    second: Selection = field(default_factory=_by_meaning, metadata={"room": "selection"})
    """What chooses the second group, without those of the first."""

    headings: Headings = "true"
    """What stands over a group: what it was chosen by (true), a noun drawn at random, or nothing (none)."""

    names: tuple[str, ...] = ("words", "meaning")
    """What the groups were chosen by, in the words of a true heading."""

    seed: int = 0
    """Of the random nouns."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("headings", self.headings, get_args(Headings))
        if len(self.names) != 2 or not all(each.strip() for each in self.names):
            raise ValueError(f"names={self.names} does not name two groups; give two words")

    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """Chooses both groups."""
        asked = Asked.of(chat, events, demonstrations, self.answers)
        groups = [Chosen.of(chat, demonstrations, each) for each in (self.first, self.second)]
        over = self._over()

        def answer(query: str) -> Answer:
            empty = prompt("ensemble_format", shots=enclosed("\n\n".join(over)), query=query)
            space = asked.space(self.tokens, empty)
            taken: list[int] = []
            parts: list[str] = []
            for number, group in enumerate(groups):
                mine = group.numbers(query, space // (len(groups) - number), taken)
                shown = [written(demonstrations[each]) for each in mine]
                space -= sum(chat.count_tokens(f"{each}\n\n") for each in shown)
                taken += mine
                parts += [*([over[number]] if over and shown else []), *shown]
            events.step(f"shows {len(taken):,} demonstrations in {len(groups)} groups")
            return asked.answer(prompt("ensemble_format", shots=enclosed("\n\n".join(parts)), query=query))

        return answer

    def _over(self) -> list[str]:
        """The headings."""
        if self.headings == "none":
            return []
        nouns = random.Random(self.seed).sample(_NOUNS, 2)  # noqa: S311
        return [
            f"Examples with similar {each}:" for each in (self.names if self.headings == "true" else nouns)
        ]

"""Many demonstrations: solved ones, ones with the model's own steps, or the problems alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from longspan.demonstrations.answering import Asked, Chosen, label_in, written
from longspan.demonstrations.demonstration import Demonstration, same_text
from longspan.demonstrations.lessons.base import Answering, Lesson
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.random import Random
from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import heard, labelled
from longspan.parameters import check_choice, check_range, check_whole
from longspan.registry import Card
from longspan.spans import Answer

CARD = Card(
    name="many-shot",
    target="longspan.demonstrations.lessons.many_shot:ManyShot",
    paper="Many-Shot In-Context Learning",
    link="https://arxiv.org/abs/2404.11018",
    year=2024,
    training=False,
    changes="Shows as many demonstrations as fit: solved, with steps that the model found itself, or unsolved.",
    field=(203,),
)

Shots = Literal["solved", "reinforced", "unsupervised"]


@dataclass(frozen=True, kw_only=True)
class ManyShot(Lesson):
    """As many demonstrations as fit. https://arxiv.org/abs/2404.11018

    Reinforced: the model writes steps for a few demonstrations, several times each; those that lead to the right answer
    are shown. Unsupervised: only the texts are shown, with what answers may be. Deviation: steps are drawn for a few
    demonstrations and not for all, since each draw is a reply.
    """

    selection: Selection = field(default_factory=Random, metadata={"room": "selection"})
    """Which demonstrations are shown."""

    shots: Shots = "solved"
    """What is shown of them: text and answer, the model's own right steps besides, or the text alone."""

    problems: int = 16
    """For how many demonstrations steps are drawn."""

    tries: int = 4
    """How often steps are drawn for each."""

    kept: int = 2
    """How many of the steps that lead to the right answer are kept of each at most."""

    temperature: float = 1.0
    """How steps are drawn."""

    seed: int = 0
    """Of the draws of steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("shots", self.shots, get_args(Shots))
        for name in ("problems", "tries", "kept"):
            check_whole(name, getattr(self, name), 1)
        check_range("temperature", self.temperature, 0)

    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """Draws steps where they are wanted, and shows demonstrations. Raises FlowError where no steps lead there."""
        asked = Asked.of(chat, events, demonstrations, self.answers)
        pool = self._reasoned(asked, demonstrations) if self.shots == "reinforced" else demonstrations
        kind = {
            "solved": "many_shot",
            "reinforced": "many_shot_reasoned",
            "unsupervised": "many_shot_problems",
        }[self.shots]
        format_note = {"labels": among(asked.labels)} if self.shots == "unsupervised" else {}
        shown = (lambda each: f"Text: {each.text}") if self.shots == "unsupervised" else written
        chosen = Chosen.of(chat, pool, self.selection, shown)

        def answer(query: str) -> Answer:
            empty = prompt(kind, shots=enclosed(""), query=query, **format_note)
            numbers = chosen.numbers(query, asked.space(self.tokens, empty))
            events.step(f"shows {len(numbers):,} of {len(pool):,} demonstrations")
            shots = enclosed("\n\n".join(shown(pool[number]) for number in numbers))
            return asked.answer(
                prompt(kind, shots=shots, query=query, **format_note), reasoned=self.shots == "reinforced"
            )

        return answer

    def _reasoned(self, asked: Asked, demonstrations: Sequence[Demonstration]) -> list[Demonstration]:
        """Demonstrations with steps by which the model found their answer."""
        numbers = list(Random(seed=self.seed).ranking(demonstrations)(""))[: self.problems]
        some = [demonstrations[number] for number in numbers]
        note = among(asked.labels)
        messages = [[prompt("many_shot_steps", query=each.text, labels=note)] for each in some]
        found: dict[int, list[str]] = {number: [] for number in range(len(some))}
        for draw in range(self.tries):
            lacking = [number for number in found if len(found[number]) < self.kept]
            replies = heard(
                asked.chat.generate_all(
                    [messages[number] for number in lacking],
                    temperature=self.temperature,
                    seed=self.seed + draw if self.temperature else None,
                )
            )
            for number, reply in zip(lacking, replies, strict=True):
                if reply is None:
                    continue
                asked.usages.append(reply.usage)
                steps = right_steps(reply.text, some[number].label, asked.labels)
                if steps and steps not in found[number]:
                    found[number].append(steps)
            if not self.temperature:
                break
        reasoned = [replace(some[number], reasoning=steps) for number in found for steps in found[number]]
        solved = sum(map(bool, found.values()))
        asked.events.step(f"found steps to the answers of {solved:,} of {len(some):,} demonstrations")
        if not reasoned:
            raise FlowError(
                f"the model found the right answer to none of {len(some):,} demonstrations; raise tries=... or "
                "problems=..., or use shots=solved"
            )
        return reasoned


def right_steps(text: str, label: str, labels: Sequence[str] = ()) -> str:
    """What a reply says before its answer, where that is the label; empty otherwise."""
    said = labelled(text, ("Answer",)).get("Answer", "")
    right = (
        label_in(said, labels) == label
        if labels
        else same_text(said).strip(" .") == same_text(label).strip(" .")
    )
    if not right:
        return ""
    return text[: text.lower().rfind("answer")].rstrip(" \n*#>_-").removeprefix("Reasoning:").strip()


def among(labels: Sequence[str]) -> str:
    """What answers may be, as a prompt says it."""
    return f" by one of these: {'; '.join(labels)}" if labels else ""

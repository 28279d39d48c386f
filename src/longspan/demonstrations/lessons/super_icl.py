"""A small classifier's predictions beside the demonstrations, for the model to confirm or to override."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from longspan.demonstrations.answering import Asked, Chosen
from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.lessons.base import Answering, Lesson
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.random import Random
from longspan.demonstrations.selections.similar import text_index
from longspan.flows.base import Events, together
from longspan.flows.chat import Chat, Message
from longspan.flows.prompting import enclosed, prompt
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.dense import Dense
from longspan.spans import Answer

CARD = Card(
    name="super-icl",
    target="longspan.demonstrations.lessons.super_icl:SuperICL",
    paper="Small Models are Valuable Plug-ins for Large Language Models",
    link="https://arxiv.org/abs/2305.08848",
    year=2023,
    training=False,
    trained=True,
    changes="Shows what a small classifier predicts, and how sure it is, which the model confirms or overrides.",
    field=(257,),
    missing="The plug-in is a vote of the nearest demonstrations instead of a classifier that is trained on them; a "
    "class that derives from this one may bring another.",
)

PlugIn: TypeAlias = Callable[[str, int | None], tuple[str, float]]
"""For a text, and the number of the demonstration that it is (None for others), a label and how sure it is, 0 to 1."""


def _some() -> Selection:
    return Random(k=32)


@dataclass(frozen=True, kw_only=True)
class SuperICL(Lesson):
    """A small model as a plug-in. https://arxiv.org/abs/2305.08848

    Each demonstration is shown with the plug-in's prediction and confidence between its text and its answer, and so is
    the text that is asked about. Deviation: the paper's plug-in is trained on the task's data. Here the nearest
    demonstrations vote, each with its likeness, and for a demonstration all others; a class that derives from this one
    may bring another `plug_in`.
    """

    selection: Selection = field(default_factory=_some, metadata={"room": "selection"})
    """Which demonstrations are shown."""

    retriever: Retriever = field(default_factory=Dense, metadata={"room": "retriever"})
    """What likeness is measured by."""

    neighbours: int = 8
    """How many of the nearest demonstrations vote."""

    explain: bool = False
    """Whether the model is asked why, where its answer is not the plug-in's; that is the answer's reasoning then."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("neighbours", self.neighbours, 1)

    def plug_in(self, demonstrations: Sequence[Demonstration]) -> PlugIn:
        """The small classifier."""
        index = text_index([each.text for each in demonstrations], self.retriever)

        def predicted(text: str, own: int | None) -> tuple[str, float]:
            votes: dict[str, float] = defaultdict(float)
            near = [each for each in index.ranked(text) if each[0] != own][: self.neighbours]
            for number, score in near:
                votes[demonstrations[number].label] += max(score, 0.0)
            if not any(votes.values()):
                for number, each in enumerate(demonstrations):
                    votes[each.label] += number != own
            label = max(votes, key=lambda each: votes[each])
            return label, votes[label] / (sum(votes.values()) or 1.0)

        return predicted

    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """Shows predictions, and says where the model's answer is another."""
        asked = Asked.of(chat, events, demonstrations, self.answers)
        predict = self.plug_in(demonstrations)
        own = {id(each): number for number, each in enumerate(demonstrations)}
        known: dict[int, str] = {}

        def shown(each: Demonstration) -> str:
            number = own[id(each)]
            if number not in known:
                known[number] = f"{_predicted(each.text, *predict(each.text, number))}\nAnswer: {each.label}"
            return known[number]

        chosen = Chosen.of(chat, demonstrations, self.selection, shown)

        def answer(query: str) -> Answer:
            label, sure = predict(query, None)
            said = _predicted(query, label, sure)
            empty = prompt("super_icl", shots=enclosed(""), query=said)
            numbers = chosen.numbers(query, asked.space(self.tokens, empty))
            shots = enclosed("\n\n".join(shown(demonstrations[number]) for number in numbers))
            message = prompt("super_icl", shots=shots, query=said)
            found = asked.answer(message)
            if not found.complete:
                return found
            if found.text == label:
                events.step(f"the plug-in says {label} ({sure:.2f}), and so does the model")
                return found
            events.step(f"the plug-in says {label} ({sure:.2f}), which the model overrides: {found.text}")
            return self._explained(chat, message, found) if self.explain else found

        return answer

    def _explained(self, chat: Chat, message: Message, found: Answer) -> Answer:
        said = [message, Message(role="assistant", content=found.text), prompt("super_icl_why")]
        reply = chat.generate(said, max_new_tokens=128)
        return replace(found, reasoning=reply.text.strip(), usage=together([found.usage, reply.usage]))


def _predicted(text: str, label: str, sure: float) -> str:
    return f"Text: {text}\nPrediction: {label} (confidence {sure:.2f})"

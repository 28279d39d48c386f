"""Demonstrations that a model makes up where there are too few."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from longspan.demonstrations.answering import Asked, Chosen, label_in, written
from longspan.demonstrations.demonstration import Demonstration, same_text
from longspan.demonstrations.lessons.base import Answering, Lesson
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.random import Random
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import heard, labelled, straight
from longspan.forms.form import Form
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.spans import Answer

CARD = Card(
    name="augmented",
    target="longspan.demonstrations.lessons.augmented:Augmented",
    paper="Revisiting In-Context Learning with Long Context Language Models",
    link="https://arxiv.org/abs/2412.16926",
    year=2024,
    training=False,
    changes="Has the model make up further demonstrations and drop bad ones where few are given.",
    field=(237,),
)

_PAIR = re.compile(r"(?im)^[\s>*#_\-\d.)]*text[\s*_]*:")


@dataclass(frozen=True, kw_only=True)
class Augmented(Lesson):
    """Fills the window with demonstrations, made-up ones where there are too few. https://arxiv.org/abs/2412.16926

    The model is shown a few demonstrations and writes new ones; it then says of each whether it is good, and those that
    are not are dropped, as are those with an unknown label or a known text. They stand before the real ones and are
    flagged `made`.
    """

    selection: Selection = field(default_factory=Random, metadata={"room": "selection"})
    """Which of the real demonstrations are shown, all if they fit."""

    shown: int = 8
    """How many demonstrations the model sees when it writes and judges."""

    written: int = 5
    """How many it writes at a time."""

    rounds: int = 8
    """How often it writes at most."""

    temperature: float = 1.0
    """How it writes."""

    seed: int = 0
    """Of what it is shown, and of its draws."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("shown", "written", "rounds"):
            check_whole(name, getattr(self, name), 1)
        check_range("temperature", self.temperature, 0)

    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """Makes demonstrations until the tokens are filled, the rounds are over, or a round brings none."""
        asked = Asked.of(chat, events, demonstrations, self.answers)
        chosen = Chosen.of(chat, demonstrations, self.selection)

        def cost(each: Demonstration) -> int:
            return chat.count_tokens(f"{written(each)}\n\n")

        space = asked.space(self.tokens, prompt("many_shot", shots=enclosed(""), query=""))
        left = space - sum(map(cost, demonstrations))
        made: list[Demonstration] = []
        for number in range(self.rounds if left > 0 else 0):
            more = self._checked(asked, self._made(asked, demonstrations, made, number), demonstrations)
            for each in more:
                left -= cost(each)
                if left >= 0:
                    made.append(each)
            if not more or left <= 0:
                break
        events.step(f"made up {len(made):,} demonstrations beside {len(demonstrations):,}")

        def answer(query: str) -> Answer:
            empty = prompt("many_shot", shots=enclosed(""), query=query)
            space = asked.space(self.tokens, empty)
            real = [demonstrations[number] for number in chosen.numbers(query, space)]
            space -= sum(map(cost, real))
            shown: list[Demonstration] = []
            for each in made:
                space -= cost(each)
                if space >= 0:
                    shown.append(each)
            events.step(f"shows {len(real):,} demonstrations and {len(shown):,} that were made up")
            shots = enclosed("\n\n".join(map(written, [*shown, *real])))
            return asked.answer(prompt("many_shot", shots=shots, query=query))

        return answer

    def _some(self, pool: Sequence[Demonstration], seed: int) -> str:
        numbers = list(Random(seed=seed).ranking(pool)(""))[: self.shown]
        return enclosed("\n\n".join(written(pool[number]) for number in numbers))

    def _made(
        self, asked: Asked, pool: Sequence[Demonstration], made: Sequence[Demonstration], number: int
    ) -> list[Demonstration]:
        """New demonstrations of one round, without those that are known or answered by no label."""
        note = f" Each answer is one of these: {'; '.join(asked.labels)}." if asked.labels else ""
        shots = self._some(pool, self.seed + number)
        asks = prompt("augmented_make", shots=shots, count=str(self.written), labels=note)
        seed = self.seed + number if self.temperature else None
        (reply,) = heard(asked.chat.generate_all([[asks]], temperature=self.temperature, seed=seed))
        if reply is None:
            return []
        asked.usages.append(reply.usage)
        known = {same_text(each.text) for each in (*pool, *made)}
        found: list[Demonstration] = []
        for each in pairs(reply.text):
            label = label_in(each.label, asked.labels) if asked.labels else each.label
            if label and same_text(each.text) not in known:
                known.add(same_text(each.text))
                found.append(Demonstration(text=each.text, label=label, made=True))
        return found

    def _checked(
        self, asked: Asked, made: Sequence[Demonstration], pool: Sequence[Demonstration]
    ) -> list[Demonstration]:
        """Those that the model finds good."""
        if not made:
            return []
        shots = self._some(pool, self.seed)
        prompts = [[prompt("augmented_check", shots=shots, made=enclosed(written(each)))] for each in made]
        form = {"form": Form.choice(("yes", "no"))} if asked.chat.forms else {}
        replies = heard(asked.chat.generate_all(prompts, max_new_tokens=8, **form))  # type: ignore[arg-type]
        asked.usages += [reply.usage for reply in replies if reply is not None]
        return [
            each
            for each, reply in zip(made, replies, strict=True)
            if reply is not None and reply.text.strip().lower().startswith("yes")
        ]


def pairs(text: str) -> list[Demonstration]:
    """The texts with answers that a reply lists, each behind its label; what has only one of the two is left out."""
    said = straight(text)
    starts = [each.start() for each in _PAIR.finditer(said)]
    found = []
    for start, end in pairwise([*starts, len(said)]):
        fields = labelled(said[start:end], ("Text", "Answer"))
        answer = fields.get("Answer", "").partition("\n")[0].strip(" *_")
        if fields.get("Text", "").strip() and answer:
            found.append(Demonstration(text=fields["Text"].strip(), label=answer))
    return found

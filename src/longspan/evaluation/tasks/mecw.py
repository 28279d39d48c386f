"""MECW: how long a context serves a model, by type of problem. https://arxiv.org/abs/2509.21361"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from longspan.credit import Credit
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.hiding import depth_of, interleaved
from longspan.evaluation.tasks.needlebench.people import FIRST_NAMES, FULL_NAME, LAST_NAMES, full_name

_COLOURS_TEXT = (
    """amber black blue brown crimson green indigo ivory orange pink purple silver turquoise white yellow"""
)
COLOURS = tuple(_COLOURS_TEXT.split())
_COLOUR = re.compile(rf"\b({'|'.join(COLOURS)})\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Favourites(Generated):
    """Questions about a list of people and their favourite colours. https://arxiv.org/abs/2509.21361

    asked: people that the question is about, one alone at eleven depths in turn, given as `depth`, several anywhere,
    none where it is about all.
    The types of problem are the paper's, the sentences and questions our own. Run at several lengths, the maximum
    effective context window of a type and its point of failure come from `metrics.effective.effective_window`.
    """

    asked: int = 1
    origin: Origin = "stand-in"
    unlike: str = (
        "lists and questions of ours; whether a length fails is told as NoLiMa does, not by the paper's test"
    )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The people asked for among as many others as fit."""
        fresh = distinct(full_name)
        # No two have one first name, so that their order by first names is the only one.
        unalike = distinct(lambda own: own.choice(FIRST_NAMES))
        names = [f"{unalike(random)} {random.choice(LAST_NAMES)}" for _ in range(self.asked)]
        depths = [depth_of(index)] if self.asked == 1 else [random.random() for _ in names]
        colours, remaining = self.colours(random)
        needles = [
            (depth, (name, colour)) for depth, name, colour in zip(depths, names, colours, strict=True)
        ]
        others = Endless(random, lambda own: (_another(fresh, own, names), own.choice(remaining)))
        facts: dict[str, Any] = {"depth": depths[0]} if self.asked == 1 else {"depths": depths}

        def build(count: int) -> Sample:
            rows = interleaved(others.first(count), needles)
            told = "\n".join(f"{name}'s favourite colour is {colour}." for name, colour in rows)
            question, references = self.question([row for _, row in needles], rows)
            return Sample(
                id="",
                context=f"Here is a list of people and their favourite colours.\n\n{told}\n\n",
                question=question,
                references=tuple(references),
                facts=facts,
            )

        return self.largest(build, request)

    def colours(self, random: Random) -> tuple[list[str], Sequence[str]]:
        """The colours of those asked for, and those that all others draw from."""
        return [random.choice(COLOURS) for _ in range(self.asked)], COLOURS

    @abstractmethod
    def question(self, asked: list[tuple[str, str]], rows: list[tuple[str, str]]) -> tuple[str, list[str]]:
        """What is asked, and its references, from (name, colour) of those asked for and of all."""


def _another(fresh: Callable[[Random], str], random: Random, names: Sequence[str]) -> str:
    """A name that is none of those."""
    while (name := fresh(random)) in names:
        pass
    return name


class Needles(Favourites):
    """Needle in a haystack, one or several: the colours of given people. https://arxiv.org/abs/2509.21361"""

    def question(self, asked: list[tuple[str, str]], rows: list[tuple[str, str]]) -> tuple[str, list[str]]:
        """Colours in the order of the people."""
        colours = [colour for _, colour in asked]
        if self.asked == 1:
            return f"What is {asked[0][0]}'s favourite colour? Answer with the colour only.", colours
        listed = ", ".join(name for name, _ in asked)
        return (
            f"What are the favourite colours of these people: {listed}? Answer with the colours only, separated by "
            "commas, in the order of the people.",
            colours,
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the colours in the output are the right ones in the right order; `share` of right ones by place."""
        said = [colour.lower() for colour in _COLOUR.findall(output)]
        pairs = zip(said, sample.references, strict=False)
        share = sum(one == other for one, other in pairs) / len(sample.references)
        return {"score": float(said == list(sample.references)), "share": share}


class Summary(Favourites):
    """Summarising: how many people share a favourite colour, for which all of the list is needed. https://arxiv.org/abs/2509.21361"""

    def question(self, asked: list[tuple[str, str]], rows: list[tuple[str, str]]) -> tuple[str, list[str]]:
        """The count."""
        wanted = rows[0][1]
        return (
            f"How many people have {wanted} as their favourite colour? Answer with the number only.",
            [str(sum(colour == wanted for _, colour in rows))],
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the last whole number of the output is the count."""
        said = [number.replace(",", "") for number in re.findall(r"\d[\d,]*", output)]
        return {"score": float(said[-1:] == list(sample.references))}


class FindAndSort(Favourites):
    """Finds the few people with a rare favourite colour and sorts their names. https://arxiv.org/abs/2509.21361"""

    def colours(self, random: Random) -> tuple[list[str], Sequence[str]]:
        """One colour that nobody else has."""
        rare, *others = random.sample(COLOURS, len(COLOURS))
        return [rare] * self.asked, others

    def question(self, asked: list[tuple[str, str]], rows: list[tuple[str, str]]) -> tuple[str, list[str]]:
        """Names from A to Z."""
        return (
            f"Which people have {asked[0][1]} as their favourite colour? Answer with their full names only, separated "
            "by commas, in alphabetical order of the first names.",
            sorted(name for name, _ in asked),
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the full names in the output are the wanted ones and sorted; `recall` of the names."""
        said = FULL_NAME.findall(output)
        recall = sum(name in said for name in sample.references) / len(sample.references)
        return {"score": float(said == list(sample.references)), "recall": recall}


_ONE = Needles(
    name="mecw/needle",
    description="Gives the favourite colour of one person in a list.",
    max_new_tokens=16,
    diffusion="low",
    scope="low",
    metric="the output's colours are the right ones in the right order",
    paper="Context Is What You Need: The Maximum Effective Context Window for Real World Limits of LLMs",
    link="https://arxiv.org/abs/2509.21361",
    form="a list of sentences, one a line, then the question",
)

_FACTS: dict[str, Any] = {"paper": _ONE.paper, "link": _ONE.link, "form": _ONE.form}

CREDITS = (
    Credit(
        kind="task",
        name="mecw",
        field=46,
        missing="Lists and questions are our own, since the authors publish no data.",
    ),
)

TASKS: tuple[Task, ...] = (
    _ONE,
    replace(
        _ONE,
        name="mecw/needles",
        description="Gives the favourite colours of five people in a list.",
        max_new_tokens=48,
        scope="medium",
        asked=5,
    ),
    Summary(
        name="mecw/summary",
        description="Counts the people of a list who share a favourite colour.",
        max_new_tokens=16,
        diffusion="medium",
        scope="high",
        asked=0,
        metric="the output's last whole number is the count",
        **_FACTS,
    ),
    FindAndSort(
        name="mecw/find-and-sort",
        description="Finds five people with one favourite colour in a list and sorts their names.",
        max_new_tokens=96,
        diffusion="medium",
        scope="medium",
        metric="the full names in the output are the wanted ones and sorted",
        asked=5,
        **_FACTS,
    ),
)

"""Attributes of people asked for: plain, in other words, several at once, with citation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.hiding import depth_of, interleaved
from longspan.evaluation.tasks.longbiobench.biography import ATTRIBUTES, Person, biography, three_names

PREFIX = "Based on the provided context,"


@dataclass(frozen=True, kw_only=True)
class Biographies(Generated):
    """Questions about biographies, of which as many others as fit stand around those that are needed.

    asked: people a question is about; one alone lies at eleven depths in turn, given as `depth`, several anywhere.
    """

    asked: int = 1

    def people(self, random: Random) -> Endless[Person]:
        """Different people."""
        named = distinct(three_names)
        return Endless(random, lambda own: Person.draw(own, named(own)))

    def filled(
        self,
        request: Request,
        needed: Sequence[tuple[float, str]],
        others: Callable[[int], list[str]],
        sample: Callable[[str, list[str]], Sample],
    ) -> Sample:
        """The sample (made of the text and the biographies in it) with the needed ones at their depths."""

        def build(count: int) -> Sample:
            bios = interleaved(others(count), needed)
            return sample("\n".join(bios), bios)

        return self.largest(build, request)


@dataclass(frozen=True, kw_only=True)
class Recall(Biographies):
    """Standard, multi-standard, paraphrase and citation of LongBioBench. https://arxiv.org/abs/2506.02921

    All questions of a sample are about the same attribute. paraphrased: it is told in other words. cited: biographies
    are numbered, and the answer must name the number.
    """

    paraphrased: bool = False
    cited: bool = False

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The people asked for, among others."""
        attribute = random.choice(tuple(ATTRIBUTES))
        drawn = self.people(random)
        persons = drawn.first(self.asked)
        depths = [depth_of(index)] if self.asked == 1 else [random.random() for _ in persons]
        needed = [(depth, self._bio(person)) for depth, person in zip(depths, persons, strict=True)]
        facts: dict[str, Any] = {"attribute": attribute}
        facts |= {"depth": depths[0]} if self.asked == 1 else {"depths": depths}

        def others(count: int) -> list[str]:
            return [self._bio(person) for person in drawn.first(self.asked + count)[self.asked :]]

        def sample(text: str, bios: list[str]) -> Sample:
            if self.cited:
                text = "\n".join(f"Bio [{number}]: {bio}" for number, bio in enumerate(bios, 1))
                facts["citations"] = [bios.index(bio) + 1 for _, bio in needed]
            return Sample(
                id="",
                context=f"{self._instruction()}\n\nContext: {text}\n\n",
                question=self._question(
                    [ATTRIBUTES[attribute].asked.format(name=each.name) for each in persons]
                ),
                prefix=self._prefix(attribute, persons[0].name),
                references=tuple(person.values[attribute] for person in persons),
                facts=dict(facts),
            )

        return self.filled(request, needed, others, sample)

    def _bio(self, person: Person) -> str:
        return biography(person, paraphrased=self.paraphrased)

    def _instruction(self) -> str:
        asked = "the user's question" if self.asked == 1 else "all the user's questions"
        cited = (
            " with citation" if self.cited else "",
            " Each answer must be followed by the citation number of the relevant bio in square brackets such as [1]."
            if self.cited
            else " Output the answer only."
            if self.asked == 1
            else " Output only the answers, in sequence.",
        )
        return (
            f"Your task is to answer {asked}{cited[0]} based on a long context, which consists of many bios.{cited[1]} "
            "Don't explain or output other things."
        )

    def _question(self, questions: list[str]) -> str:
        cited = " followed by the reference bio number as citation" if self.cited else ""
        if self.asked == 1:
            return f"Question: {questions[0]}" + (f"\nAnswer the question{cited}." if cited else "")
        told = "\n".join(f"Question{number}: {each}" for number, each in enumerate(questions, 1))
        return f"The Questions are as follows:\n{told}\nAnswer each question{cited} in sequence."

    def _prefix(self, attribute: str, name: str) -> str:
        if self.asked > 1:
            return f"{PREFIX} the answer is"
        told = ATTRIBUTES[attribute].told.format(name=name)
        return f"{PREFIX} {told[0].lower()}{told[1:]}"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the output has all values, in the questions' order; where cited also all numbers likewise."""
        answer = float(in_order(output, sample.references))
        if not self.cited:
            return {"score": answer}
        citation = float(in_order(output, [f"[{number}]" for number in sample.facts["citations"]]))
        return {"score": answer * citation, "answer": answer, "citation": citation}


def in_order(output: str, wanted: Sequence[str]) -> bool:
    """Whether the output has all of `wanted`, each after the one before, in any case."""
    return re.search(".*?".join(map(re.escape, wanted)), output, re.IGNORECASE | re.DOTALL) is not None

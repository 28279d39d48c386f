"""Hyper-multi-step: retrieval by value, of several at once or by comparison. https://arxiv.org/abs/2410.04422"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal

from longspan.credit import Credit
from longspan.evaluation.metrics.text import overlap
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.hiding import depth_of, interleaved
from longspan.evaluation.tasks.longbiobench.attributes import HOBBIES, UNIVERSITIES
from longspan.evaluation.tasks.needlebench.people import FULL_NAME, full_name

_Draw = Callable[[Random], Mapping[str, Any]]
_KEY = re.compile(r"(?<!\d)\d{10}(?!\d)")


def _key(random: Random) -> str:
    return "".join(random.sample("0123456789", 10))


@dataclass(frozen=True, kw_only=True)
class ByValue(Generated):
    """Rows of a JSON object (key, integer) or students with a grade and a university; wanted are those of some value.

    rows: pairs or students. matches: rows that are wanted; one alone lies at eleven depths in turn, given as `depth`.
    """

    rows: Literal["pairs", "students"]
    matches: int

    marked: ClassVar[bool] = False
    """Whether, as published, an answer counts only behind "keys:" or "names:"."""

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The wanted rows among others."""
        depths = (
            [depth_of(index)] if self.matches == 1 else sorted(random.random() for _ in range(self.matches))
        )
        named = distinct(_key if self.rows == "pairs" else full_name)
        asked, wanted, other = self._values(random)
        golds = [named(random) for _ in depths]
        needles = [
            (depth, self._row(gold, wanted, random)) for depth, gold in zip(depths, golds, strict=True)
        ]
        others = Endless(random, lambda own: self._row(named(own), other, own))
        facts = {"depth": depths[0]} if self.matches == 1 else {"depths": depths}

        def build(count: int) -> Sample:
            rows = interleaved(others.first(count), needles)
            if self.rows == "pairs":
                text = f"JSON data with {len(rows)} key-value pairs:\n{{{', '.join(rows)}}}"
            else:
                text = f"Here are {len(rows)} students' resumes:\n\n" + "\n".join(rows)
            return Sample(id="", context=f"{text}\n\n", question=asked, references=tuple(golds), facts=facts)

        return self.largest(build, request)

    @abstractmethod
    def _values(self, random: Random) -> tuple[str, _Draw, _Draw]:
        """The question, and how the values of wanted and of other rows are drawn."""

    def _row(self, name: str, value: _Draw, random: Random) -> str:
        values = value(random)
        if self.rows == "pairs":
            return f'"{name}": {values["value"]}'
        first, second = random.sample(HOBBIES, 2)
        return (
            f"The student named {name} is {random.randint(18, 27)} years old, graduated from {values['university']} "
            f"with a GPA of {values['grade']:.2f}. He/She is interested in {first} and {second}."
        )

    def _said(self, output: str) -> list[str]:
        """The keys or full names after the last "keys:" or "names:" of the output, each once."""
        before, *answers = re.split(r"(?:keys?|names?):", output, flags=re.IGNORECASE)
        answer = answers[-1] if answers else "" if self.marked else before
        return list(dict.fromkeys((_KEY if self.rows == "pairs" else FULL_NAME).findall(answer)))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the output names all wanted rows and no other; `precision` and `recall` of the names."""
        said = self._said(output)
        precision, recall, _ = overlap(said, sample.references)
        exact = float(sorted(said) == sorted(sample.references))
        return {"score": exact, "precision": precision, "recall": recall}


@dataclass(frozen=True, kw_only=True)
class MultiMatching(ByValue):
    """Multi-matching retrieval: all rows that have one given value. https://arxiv.org/abs/2410.04422"""

    marked: ClassVar[bool] = True

    def _values(self, random: Random) -> tuple[str, _Draw, _Draw]:
        wanted, *others = random.sample(range(100), 100)
        school, *schools = random.sample(UNIVERSITIES, len(UNIVERSITIES))
        asked = (
            f"In the above JSON data, please find all the keys with the value {wanted}. Give your answer (the keys "
            'separated by comma) in the format of "keys: {answer}"'
            if self.rows == "pairs"
            else f"Please find all the students who graduated from {school}. Please give your final answer (the "
            'students\' names separated by commas) in the format of "names: {answer}"'
        )

        def some(values: Sequence[int], universities: Sequence[str]) -> _Draw:
            return lambda own: {
                "value": own.choice(values),
                "university": own.choice(universities),
                "grade": own.randint(150, 500) / 100,
            }

        return asked, some([wanted], [school]), some(others, schools)


@dataclass(frozen=True, kw_only=True)
class Logic(ByValue):
    """Logic-based retrieval: the one row whose value lies between two bounds. https://arxiv.org/abs/2410.04422"""

    def _values(self, random: Random) -> tuple[str, _Draw, _Draw]:
        # Grades are in hundredths here.
        lowest, highest, width = (0, 1000, 138) if self.rows == "pairs" else (150, 500, 60)
        low = random.randint(lowest + 20, highest - width - 20)
        high = low + width
        asked = (
            "In the above JSON data, please find the key (only one) whose value (an integer) is greater than "
            f'{low} and smaller than {high}. Give your answer (the key) in the format of "key: {{answer}}"'
            if self.rows == "pairs"
            else f"Which student has a GPA between {low / 100:.2f} and {high / 100:.2f}? Please give your final "
            'answer (the student\'s name) in the format of "name: {answer}"'
        )
        outside = [*range(lowest, low), *range(high + 1, highest + 1)]

        def some(values: Sequence[int]) -> _Draw:
            def draw(own: Random) -> Mapping[str, Any]:
                value = own.choice(values)
                return {"value": value, "university": own.choice(UNIVERSITIES), "grade": value / 100}

            return draw

        return asked, some(range(low + 1, high)), some(outside)


def _facts(name: str, description: str) -> dict[str, Any]:
    return {
        "name": f"hyper-multi-step/{name}",
        "description": description,
        "scope": "low",
        "metric": "the output names all wanted rows and no other",
        "paper": "Hyper-multi-step: The Truth Behind Difficult Long-context Tasks",
        "link": "https://arxiv.org/abs/2410.04422",
        "form": "rows, then the question with the form of the answer",
    }


CREDITS = (
    Credit(
        kind="task",
        name="hyper-multi-step",
        field=116,
        missing="The authors' plain multi-step and simple retrieval, which are there for comparison, are "
        "left out.",
    ),
)

TASKS: tuple[Task, ...] = (
    MultiMatching(
        **_facts("multi-matching-pairs", "Finds all three keys that have one value."),
        max_new_tokens=96,
        diffusion="medium",
        rows="pairs",
        matches=3,
    ),
    MultiMatching(
        **_facts("multi-matching-students", "Finds all three students of one university."),
        max_new_tokens=64,
        diffusion="medium",
        rows="students",
        matches=3,
    ),
    Logic(
        **_facts("logic-pairs", "Finds the one key whose value lies between two bounds."),
        max_new_tokens=48,
        diffusion="high",
        rows="pairs",
        matches=1,
    ),
    Logic(
        **_facts("logic-students", "Finds the one student whose grade lies between two bounds."),
        max_new_tokens=48,
        diffusion="high",
        rows="students",
        matches=1,
    ),
)

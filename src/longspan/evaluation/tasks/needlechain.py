"""NeedleChain: every sentence of the context is needed. https://arxiv.org/abs/2507.22411"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from longspan.credit import Credit
from longspan.evaluation.metrics.text import whole_number
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task
from longspan.evaluation.tasks.endless import Endless
from longspan.evaluation.tasks.needlebench.people import people

BASE = 1600
"""What the first person earns, in dollars; nobody earns more than 64 times as much or as little."""

_MAX_DOUBLINGS = 6
_RELATIONS = {1: "twice as much as", 0: "the same salary as", -1: "half as much as"}
_INSTRUCTION = (
    "You are a financial assistant skilled in calculating wages and solving salary-related queries.\n"
    "I will give you context with the facts about the salary of several people.\n"
    "Answer the question based only on the information from the facts.\n"
    "Before the final answer, give a brief explanation.\n"
    "State the final answer strictly in this format: '## Answer: $your_answer'\n\n"
)
_NUMBER = re.compile(r"\b(?:\d{1,3}(?:,\d{3})+|\d+)\b")


@dataclass(frozen=True, kw_only=True)
class Salaries(Generated):
    """What the last of a chain of people earns, or all of them together. https://arxiv.org/abs/2507.22411

    order: of the sentences; forward begins with the only salary that is told as a number and each sentence builds
    on the one before, backward is the reverse of it, mixed any order. In a stack (the paper's needlestack) every
    salary is told as a number and their total is asked for. Longer contexts are longer chains, since there is no
    filler; `needles` says how long.
    """

    order: Literal["forward", "backward", "mixed", "stack"]

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The longest chain that fits."""
        names = people(random)
        doublings = Endless(random, _Walk(free=self.order == "stack"))
        places = Endless(random, Random.random)

        def build(count: int) -> Sample:
            workers, powers = names.first(count), doublings.first(count)
            salaries = [int(BASE * 2.0**power) for power in powers]
            told = self._sentences(workers, powers, salaries)
            if self.order == "backward":
                told = told[::-1]
            elif self.order != "forward":
                told = [sentence for _, sentence in sorted(zip(places.first(count), told, strict=True))]
            stacked = self.order == "stack"
            return Sample(
                id="",
                context=f"{_INSTRUCTION}There are {count} workers in the office.\n"
                f"Their names are as follows: {', '.join(workers)}\n\n"
                "Salary for each worker is as follows:\n" + "\n".join(told) + "\n\n",
                question="Now, respond to my question:\n"
                + (
                    "How much is the total salary of the referenced people?"
                    if stacked
                    else f"How much salary did {workers[-1]} get?"
                ),
                references=(str(sum(salaries) if stacked else salaries[-1]),),
                facts={"needles": count},
            )

        return self.largest(build, request, fewest=2)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the answer is the reference."""
        return {"score": float(str(_answer(output)) == sample.references[0])}

    def _sentences(self, workers: list[str], powers: list[int], salaries: list[int]) -> list[str]:
        if self.order == "stack":
            return [
                f"{name} received ${salary} last week."
                for name, salary in zip(workers, salaries, strict=True)
            ]
        return [f"{workers[0]} received ${salaries[0]} last week."] + [
            f"{workers[place]} earns {_RELATIONS[powers[place] - powers[place - 1]]} {workers[place - 1]}."
            for place in range(1, len(workers))
        ]


@dataclass
class _Walk:
    """How often each salary is the first one doubled: in steps of one at most, or, where `free`, from -3 to 3."""

    free: bool
    power: int | None = None

    def __call__(self, random: Random) -> int:
        if self.free:
            return random.randint(-3, 3)
        if self.power is None:
            self.power = 0
        else:
            self.power += random.choice(
                [step for step in _RELATIONS if abs(self.power + step) <= _MAX_DOUBLINGS]
            )
        return self.power


def _answer(output: str) -> int | None:
    """The first whole number after the last "## Answer:", or of the output where there is none."""
    found = _NUMBER.search(output.rpartition("## Answer:")[2])
    return whole_number(found.group().replace(",", "")) if found else None


def _task(order: Literal["forward", "backward", "mixed", "stack"], told: str) -> Salaries:
    return Salaries(
        name=f"needlechain/{order}",
        description=f"Works out a salary from a context of salaries only, {told}.",
        max_new_tokens=512,
        diffusion="low" if order in ("forward", "stack") else "high",
        scope="high",
        metric="the first whole number after '## Answer:' equals the reference",
        paper="NeedleChain: Measuring Intact Long-Context Reasoning Capability of Large Language Models",
        link="https://arxiv.org/abs/2507.22411",
        form="instruction, names, one sentence for each person, then the question",
        order=order,
    )


CREDITS = (Credit(kind="task", name="needlechain", field=219),)

TASKS: tuple[Task, ...] = (
    _task("forward", "each sentence building on the one before"),
    _task("backward", "each sentence building on the one after"),
    _task("mixed", "the sentences in any order"),
    _task("stack", "adding up all of them"),
)

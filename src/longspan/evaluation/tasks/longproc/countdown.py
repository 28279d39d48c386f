"""Countdown: search for a way from some numbers to a target, and write the whole search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.metrics.procedure import tagged
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request
from longspan.evaluation.tasks.longproc.search import LIMIT, first_target, search_prefix, solves, transcript

PAPER = "LongProc: Benchmarking Long-Context Language Models on Long Procedural Generation"
LINK = "https://arxiv.org/abs/2501.05414"
METRIC = (
    "1 for a valid solution, else 0; partial: 1 for a valid solution, else the share of search lines that are right "
    "from the first on"
)

MAX_NUMBERS = 6
"""The search from so many numbers is far longer than a million tokens."""

CHOICES = 6
"""Sets of numbers that a sample chooses from, so as to come near the length that is wanted."""

_RULES = """\
Reach a target number from a few given numbers, each used exactly once, with +, -, * and /.

Rules of the search:
- At each state go through all pairs of the current numbers in order. For a pair a >= b try a + b, a - b, a * b and \
a / b, in this order; the larger number always comes first.
- The result and the numbers left make the next state, with the result in front; search it before the next operation.
- Drop a branch whose result is a decimal, is {limit} or more, or whose last number is not the target; then go back.
- Stop at the first way that uses all numbers and gives the target.

Write every step of the search exactly as in this example, then the way back, then the solution between the tags.

Numbers: {numbers}
Target: {target}

{example}"""

_EXAMPLE = (12, 5, 7, 4), 147


@dataclass(frozen=True, kw_only=True)
class Countdown(LongAnswer):
    """A search as long as the length allows: from four numbers, or from more where four do not suffice."""

    name: str = "longproc/countdown"
    description: str = "Search for a way from numbers to a target, writing out each step of the search."
    diffusion: Level = "low"
    scope: Level = "high"
    metric: str = METRIC
    paper: str = PAPER
    link: str = LINK
    form: str = (
        "rules and a worked example as context; numbers and target as question; the answer is the search"
    )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One problem, whose search is as long as fits."""
        choices = [random.sample(range(3, 50), MAX_NUMBERS) for _ in range(CHOICES)]
        example = transcript(*_EXAMPLE)
        rules = _RULES.format(limit=LIMIT, numbers=list(_EXAMPLE[0]), target=_EXAMPLE[1], example=example)

        def build(lines: int) -> tuple[Sample, str]:
            given, target = _problem(choices, lines)
            answer = transcript(given, target)
            sample = Sample(
                id="",
                context=rules,
                question=(
                    f"\n\nNow solve this problem in the same way, with its search, the way back and the solution.\n\n"
                    f"Numbers: {given}\nTarget: {target}"
                ),
                references=(answer,),
                facts={"numbers": given, "target": target},
            )
            return sample, answer

        return self.filled(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the solution is valid, and how much of the search is right."""
        return countdown_score(output, sample)


def countdown_score(output: str, sample: Sample) -> dict[str, float]:
    """`score` for the solution and `partial` for the search; facts of the sample: numbers and target."""
    solution = tagged(output, "Solution")
    if solution is not None and solves(sample.facts["numbers"], sample.facts["target"], solution):
        return {"score": 1.0, "partial": 1.0}
    return {"score": 0.0, "partial": search_prefix(output, sample.references[0])}


def _problem(choices: list[list[int]], lines: int) -> tuple[list[int], int]:
    """Numbers, four of a choice or more, and the target, whose search has as few more lines than `lines` as can be."""
    for count in range(4, MAX_NUMBERS + 1):
        searches = [(first_target(numbers[:count], lines), numbers[:count]) for numbers in choices]
        found = [(search, numbers) for search, numbers in searches if search is not None]
        if found:
            (_, target), numbers = min(found)
            return numbers, target
    raise ValueError(
        f"lines={lines} is more than a search from {MAX_NUMBERS} numbers has; take a shorter length"
    )

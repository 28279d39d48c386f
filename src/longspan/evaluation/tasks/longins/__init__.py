"""LongIns: which of many completed questions are answered wrongly (https://arxiv.org/abs/2406.17588)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

from longspan.credit import Credit
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request
from longspan.evaluation.tasks.longins.exercises import EXERCISES, Exercise, completed

_TEACHER = "You are an excellent grading teacher, and you will be given many completed questions."
_NUMBERS = (
    "You are requested to identify which answers are incorrect and to directly provide the question numbers of the "
    "incorrect answers enclosed in brackets, as in [3, 14]. Please note, I need the numbers of the questions that are "
    "incorrect, do not provide the numbers of the questions with correct answers.\n"
)


@dataclass(frozen=True, kw_only=True)
class LongIns(Generated):
    """Many completed questions, of which the wrongly answered ones are to be named.

    mode: gist has one kind of question and its instruction once, at the beginning; list has one kind and its
    instruction with every question; limt has many kinds and an instruction with every question. wrong: share of
    questions with a wrong answer, above 0 and below 1; max_wrong: their largest number, so that the
    answer stays short.
    """

    mode: Literal["gist", "list", "limt"]
    wrong: float = 0.1
    max_wrong: int = 24
    max_new_tokens: int = 256
    origin: Origin = "stand-in"
    unlike: str = "six kinds of exercises made here, where the paper has Super-NaturalInstructions"
    diffusion: Level = "low"
    scope: Level = "high"
    metric: str = "F1 of the numbers that stand in brackets"
    paper: str = "LongIns: A Challenging Long-context Instruction-based Exam for LLMs"
    link: str = "https://arxiv.org/abs/2406.17588"

    def __post_init__(self) -> None:
        if not 0 < self.wrong < 1:
            raise ValueError(f"wrong={self.wrong} must be above 0 and below 1")
        if self.max_wrong < 1:
            raise ValueError(f"max_wrong={self.max_wrong} must be 1 or more")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The questions; references are the numbers of the wrong ones; facts: `questions` and, if one, their `kind`."""
        seed = random.getrandbits(64)
        one = EXERCISES[index % len(EXERCISES)]
        kinds = EXERCISES if self.mode == "limt" else (one,)

        def build(count: int) -> Sample:
            questions = list(islice(completed(Random(seed), kinds), count))  # noqa: S311
            number = min(max(1, round(self.wrong * count)), self.max_wrong)
            # Those with the lowest lots, so that they are spread over the text at any count.
            wrong = sorted(sorted(range(count), key=lambda place: questions[place].lot)[:number])
            blocks = []
            for place, question in enumerate(questions):
                answer = question.wrong if place in wrong else question.right
                instruction = "" if self.mode == "gist" else f"{question.instruction}\n"
                blocks.append(f"[{place}:{instruction}{question.text} Answer: {answer}]\n\n")
            return Sample(
                id="",
                context=self._beginning(one) + "".join(blocks),
                question=self._end(),
                prefix="Answer:",
                references=tuple(map(str, wrong)),
                facts={"questions": count} | ({} if self.mode == "limt" else {"kind": one.name}),
            )

        return self.largest(build, request, fewest=2)

    def _beginning(self, one: Exercise) -> str:
        wanted = "Please identify all the questions that have been answered incorrectly according to the requirements."
        if self.mode != "gist":
            return f"{_TEACHER} {wanted}\n\n"
        return f"{_TEACHER} The requirements for these questions are as follows:\n{one.instruction}\n{wanted}\n\n"

    def _end(self) -> str:
        if self.mode == "gist":
            return (
                "The above text contains a description of the task for this group, as well as many question-answer "
                f"pairs, each enclosed in brackets. {_NUMBERS}"
            )
        return f"Each group [] contains the command, input, and output for the task. {_NUMBERS}"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """F1 with `precision` and `recall`; numbers outside brackets do not count, as in the paper's scorer."""
        bracketed = " ".join(re.findall(r"\[(.*?)\]", output))
        found = {number.lstrip("0") or "0" for number in re.findall(r"\d+", bracketed)}
        gold = set(sample.references)
        right = len(found & gold)
        precision, recall = right / len(found) if found else 0.0, right / len(gold)
        score = 2 * precision * recall / (precision + recall) if right else 0.0
        return {"score": score, "precision": precision, "recall": recall}


CREDITS = (
    Credit(
        kind="task",
        name="longins",
        field=178,
        missing="Six kinds of exercises made by rules stand for the authors' instruction data.",
    ),
)

TASKS = (
    LongIns(
        name="longins/gist",
        mode="gist",
        description="Name the wrongly answered ones of many questions of one kind, whose instruction is given once.",
        form="Instruction, numbered questions with answers in brackets, then what is wanted; the answer begins with "
        "Answer:",
    ),
    LongIns(
        name="longins/list",
        mode="list",
        description="Name the wrongly answered ones of many questions of one kind, each with its instruction.",
        form="Numbered instructions, questions and answers in brackets, then what is wanted; the answer begins with "
        "Answer:",
    ),
    LongIns(
        name="longins/limt",
        mode="limt",
        description="Name the wrongly answered ones of many questions of several kinds, each with its instruction.",
        form="Numbered instructions, questions and answers in brackets, then what is wanted; the answer begins with "
        "Answer:",
    ),
)

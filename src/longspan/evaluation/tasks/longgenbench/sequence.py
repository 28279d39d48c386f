"""As many questions as the length allows, in one prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import TypeAlias

from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Source
from longspan.evaluation.task import Level, Request, TaskError
from longspan.evaluation.tasks.longgenbench.word_problems import word_problems

Problem: TypeAlias = tuple[str, str]
"""A question, and an answer that ends in its number."""

EXAMPLES: tuple[Problem, ...] = (
    (
        "A shelf holds 14 jars. Rosa puts 9 more jars on it and her brother takes 4 away. How many jars are left?",
        "There are 14 jars at first.\nWith Rosa's there are 14 + 9 = 23.\nAfter 4 are taken, 23 - 4 = 19 are left.\n"
        "The answer is 19.",
    ),
    (
        "A ticket costs $7 and a programme $2. A class of 12 buys a ticket each and 5 programmes. What does it pay?",
        "The tickets cost 12 * 7 = 84 dollars.\nThe programmes cost 5 * 2 = 10 dollars.\nIt pays 84 + 10 = 94 dollars."
        "\nThe answer is 94.",
    ),
    (
        "Ivo cycles 18 miles on each of 3 days and half as far on the fourth. How many miles is that altogether?",
        "On three days he cycles 3 * 18 = 54 miles.\nOn the fourth he cycles 18 / 2 = 9 miles.\n"
        "Altogether that is 54 + 9 = 63 miles.\nThe answer is 63.",
    ),
)

INSTRUCTION = (
    "Answer each question step by step, adhering to the format shown in the examples provided. Start each response "
    "with 'Answer_' and the question's number, and introduce the final response with 'The answer is'. Do not repeat "
    "the question. Ensure that you respond to all the questions presented, regardless of their number."
)

_NUMBER = re.compile(r"\d*\.?\d+")
_LABEL = re.compile(r"Answer[_ ](\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class LongGenBench(LongAnswer):
    """As many questions as the length allows, to be answered in sequence."""

    origin: Origin = "stand-in"
    unlike: str = "three worked examples of ours; no MMLU and CommonSenseQA"
    diffusion: Level = "low"
    scope: Level = "high"
    metric: str = (
        "share of all questions whose answer's last number equals the gold number, signs apart; a missing answer is "
        "wrong (the published script leaves it out)"
    )
    paper: str = "LongGenBench: Long-context Generation Benchmark"
    link: str = "https://arxiv.org/abs/2410.04199"
    form: str = (
        "instruction, three worked examples and the numbered questions as context; a demand for all answers as "
        "question; the answer repeats the numbers, Answer_4 and so on"
    )

    def problems(self, random: Random, request: Request) -> Callable[[int], list[Problem]]:
        """What gives the first n problems of a sample, the same ones at each n."""
        seed = random.getrandbits(64)
        return lambda count: list(islice(word_problems(Random(seed)), count))  # noqa: S311

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One sample; its references are the gold numbers, in the order of the questions."""
        problems = self.problems(random, request)
        return self.filled(lambda count: _built(problems(count)), request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The share of right numbers, and the share of questions that are answered at all."""
        given = answers(output)
        numbers = range(len(EXAMPLES) + 1, len(EXAMPLES) + 1 + len(sample.references))
        right = sum(
            given.get(number) == float(gold) for number, gold in zip(numbers, sample.references, strict=True)
        )
        return {
            "score": right / len(numbers),
            "answered": sum(number in given for number in numbers) / len(numbers),
        }


@dataclass(frozen=True, kw_only=True)
class Gsm8k(LongGenBench):
    """The same with questions of GSM8K. data: where they are."""

    data: Source
    origin: Origin = "published"

    def problems(self, random: Random, request: Request) -> Callable[[int], list[Problem]]:
        """Problems in an order of the sample's own; more than there are begin again."""
        rows = [_checked(row, self.name) for row in self.data.rows(request.data, self.name)]
        random.shuffle(rows)
        return lambda count: list(islice(cycle(rows), count))

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One sample. Raises TaskError where the data is absent, or its questions are too few for the length."""
        sample = super().make(random, index, request)
        count = sum(1 for _ in self.data.rows(request.data, self.name))
        if len(sample.references) > count:
            raise TaskError(
                f"{self.name} has {count:,} questions and length={request.length:,} needs {len(sample.references):,};"
                " take a shorter length=... or longgenbench/arithmetic"
            )
        return sample


def answers(output: str) -> dict[int, float]:
    """The last number of each answer by its label's number, the first answer where a label comes again."""
    pieces = _LABEL.split(output)
    found: dict[int, float] = {}
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        numbers = _NUMBER.findall(text.replace(",", ""))
        if numbers and len(label) < 10:
            found.setdefault(int(label), float(numbers[-1]))
    return found


def _built(problems: list[Problem]) -> tuple[Sample, str]:
    shown = len(EXAMPLES)
    gold = [_NUMBER.findall(answer.replace(",", ""))[-1] for _, answer in problems]
    context = "\n\n".join(
        (
            f"{INSTRUCTION}\n\nExamples:",
            _numbered("Question", [question for question, _ in EXAMPLES], 1),
            _numbered("Answer", [answer for _, answer in EXAMPLES], 1),
            "Following Questions:",
            _numbered("Question", [question for question, _ in problems], shown + 1),
        )
    )
    last = shown + len(problems)
    sample = Sample(
        id="",
        context=context,
        question=f"\n\nNow give Answer_{shown + 1} to Answer_{last}, all of them and in this order.",
        references=tuple(gold),
        facts={"questions": len(problems)},
    )
    return sample, _numbered("Answer", [answer for _, answer in problems], shown + 1)


def _numbered(label: str, texts: list[str], first: int) -> str:
    return "\n\n".join(f"{label}_{number}:\n{text}" for number, text in enumerate(texts, first))


def _checked(row: Mapping[str, object], task: str) -> Problem:
    """Question and answer of a GSM8K row, without the marks of its calculator."""
    question, answer = row.get("question"), row.get("answer")
    if isinstance(question, str) and isinstance(answer, str):
        steps, mark, number = re.sub(r"<<[^>]*>>", "", answer).rpartition("\n#### ")
        if mark and _NUMBER.fullmatch(number.replace(",", "").removeprefix("-")):
            return question, f"{steps}\nThe answer is {number}."
    raise TaskError(
        f"{task}: a row is no GSM8K question with an answer that ends in #### number; fetch it anew"
    )


def _tasks() -> Iterator[LongGenBench]:
    yield LongGenBench(
        name="longgenbench/arithmetic",
        description="Answer many word problems in sequence, in one text; the longer, the more problems.",
    )
    yield Gsm8k(
        name="longgenbench/gsm8k",
        description="Answer many questions of GSM8K in sequence, in one text; the longer, the more questions.",
        data=Source(hub="openai/gsm8k", subset="main", files=("gsm8k/test.jsonl",)),
        source="https://github.com/openai/grade-school-math",
        licence="MIT",
    )


TASKS = tuple(_tasks())

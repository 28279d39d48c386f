"""LongIns: the references are exactly the wrongly answered questions."""

import json
import re
from collections.abc import Callable
from itertools import islice

import pytest

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.longins import LongIns
from longspan.evaluation.tasks.longins.exercises import EXERCISES
from wordcount import words

GIST, LIST, LIMT = find(["longins/gist", "longins/list", "longins/limt"])
QUESTION = re.compile(r"^\[(\d+):(?:.+\n)?(.+) Answer: (.+)\]$", re.MULTILINE)


def request(length: int = 5000) -> Request:
    haystack = Haystack(repeats=True, name="h", text="Nothing. To see. Here.")
    return Request(
        length=length,
        seed=2,
        count_tokens=words,
        overhead=20,
        haystack=haystack,
    )


def _arithmetic(text: str) -> str:
    had, bought, sold = map(int, re.findall(r"\d+", text))
    return str(had + bought - sold)


def _reading(text: str) -> str:
    thing = re.findall(r"Where is the (\w+)\?", text)[0]
    return re.findall(rf"the {thing} (?:in|to) the (\w+)", text)[0]


def _inference(text: str) -> str:
    (tall, middle), (_, small), (one, other) = re.findall(r"(\w+) is taller than (\w+)", text)
    order = [tall, middle, small]
    return "entailment" if order.index(one) < order.index(other) else "contradiction"


SOLVE: dict[str, Callable[[str], str]] = {
    "median": lambda text: str(sorted(json.loads(text))[3]),
    "arithmetic": _arithmetic,
    "alphabet": lambda text: min(text.split(", ")),
    "reading": _reading,
    "inference": _inference,
    "sentiment": lambda text: "negative" if re.search("waste|dull|careless|worst", text) else "positive",
}


@pytest.mark.parametrize("task", [GIST, LIST], ids=lambda task: task.name)
def test_the_wrong_answers_are_the_references(task: LongIns) -> None:
    kinds = set()
    for sample in islice(task.samples(request()), len(EXERCISES)):
        solve = SOLVE[sample.facts["kind"]]
        questions = QUESTION.findall(sample.context)
        wrong = [number for number, text, answer in questions if solve(text) != answer]
        assert tuple(wrong) == sample.references
        assert len(questions) == sample.facts["questions"]
        assert len(wrong) == min(24, round(0.1 * len(questions)))
        kinds.add(sample.facts["kind"])
    assert kinds == {exercise.name for exercise in EXERCISES}


def test_the_instruction_stands_once_or_with_every_question() -> None:
    once, each = next(GIST.samples(request())), next(LIST.samples(request()))
    instruction = next(kind.instruction for kind in EXERCISES if kind.name == once.facts["kind"])
    assert once.context.count(instruction) == 1
    assert each.context.count(instruction) == each.facts["questions"]


def test_several_kinds_stand_together() -> None:
    sample = next(LIMT.samples(request()))
    counts = [sample.context.count(kind.instruction) for kind in EXERCISES]
    assert min(counts) > 3
    assert sum(counts) == sample.facts["questions"]


def test_long_texts_have_no_more_wrong_answers_than_an_answer_can_name() -> None:
    sample = next(GIST.samples(request(40_000)))
    wrong = [int(number) for number in sample.references]
    assert len(wrong) == 24
    assert max(wrong) > 0.7 * sample.facts["questions"]
    assert min(wrong) < 0.3 * sample.facts["questions"]


@pytest.mark.parametrize(
    ("output", "precision", "recall", "score"),
    [
        ("[3, 7]", 1, 1, 1),
        ("[3] and [7]", 1, 1, 1),
        ("[3, 4]", 0.5, 0.5, 0.5),
        ("[3]", 1, 0.5, 2 / 3),
        ("[1, 2, 3, 7]", 0.5, 1, 2 / 3),
        ("3, 7", 0, 0, 0),
        ("[]", 0, 0, 0),
        ("[" + "9" * 5000 + "]", 0, 0, 0),
    ],
)
def test_f1_by_hand(output: str, precision: float, recall: float, score: float) -> None:
    sample = Sample(id="0", context="", question="", references=("3", "7"))
    assert GIST.score(output, sample) == pytest.approx(
        {"score": score, "precision": precision, "recall": recall}
    )


@pytest.mark.parametrize(("name", "value"), [("wrong", 0.0), ("wrong", 1.0), ("max_wrong", 0)])
def test_bad_parameters_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}={value} must be"):
        LongIns(**{**vars(GIST), name: value})

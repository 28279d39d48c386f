"""Procedures generated at any length."""

import re
from itertools import islice

import pytest

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.longproc import TASKS
from wordcount import words

GENERATED = {task.name: task for task in TASKS if isinstance(task, LongAnswer)}
EACH = pytest.mark.parametrize("task", GENERATED.values(), ids=lambda task: task.name)


def request(length: int, seed: int = 0) -> Request:
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One."),
    )


def right(sample: Sample) -> str:
    """The reference as an answer of the form that is asked for."""
    (reference,) = sample.references
    if reference.startswith("From "):
        return f"Here it is.\n<Route>\n{reference}\n</Route>"
    return f"```python\n{reference}\n```" if reference.startswith("items") else reference


def test_the_four_kinds() -> None:
    assert set(GENERATED) == {
        "longproc/countdown",
        "longproc/path",
        "longproc/belief",
        "longproc/pseudo-code",
    }


@EACH
@pytest.mark.parametrize("length", [8_192, 40_000])
def test_prompt_and_right_answer_fill_the_length(task: LongAnswer, length: int) -> None:
    asked = request(length)
    sample = next(task.samples(asked))
    answer = asked.count_tokens(right(sample))
    assert answer <= sample.facts["max_new_tokens"]
    assert 0.85 * length <= asked.prompt_tokens(sample) + answer <= length
    assert asked.prompt_tokens(sample) + sample.facts["max_new_tokens"] == length


@EACH
def test_right_wrong_and_half_answers(task: LongAnswer) -> None:
    for sample in islice(task.samples(request(8_192)), 3):
        assert task.score(right(sample), sample) == {"score": 1, "partial": 1}
        assert task.score("I do not know.", sample) == {"score": 0, "partial": 0}
        lines = right(sample).split("\n")
        lines = lines[: len(lines) // 2] + ["</Route>"] * ("<Route>" in lines)
        while task.name == "longproc/pseudo-code" and not lines[-1].startswith("print"):
            lines.pop()  # a program cut within a block is none
        half = "\n".join(lines)
        scores = task.score(half, sample)
        assert scores["score"] == 0
        assert 0.3 < scores["partial"] < 0.6


@EACH
def test_samples_are_the_same_however_many_are_taken_and_differ(task: LongAnswer) -> None:
    few = list(islice(task.samples(request(6_000)), 2))
    assert few == list(islice(task.samples(request(6_000)), 3))[:2]
    assert few[0].references != few[1].references
    assert few[0].references != next(task.samples(request(6_000, seed=1))).references


@EACH
def test_too_short_a_length(task: LongAnswer) -> None:
    with pytest.raises(TaskError, match=rf"{task.name} needs [\d,]+ tokens or more"):
        next(task.samples(request(300)))


def test_each_connection_of_the_route_is_in_the_prompt_and_leads_on() -> None:
    task = GENERATED["longproc/path"]
    sample = next(task.samples(request(8_192)))
    connections = re.findall(r"You can travel from (\w+) to (\w+) by (\w+)\.", sample.context)
    leads = {start: (end, means) for start, end, means in connections}
    assert len(leads) == len(connections) == sample.facts["cities"]
    here, last = re.findall(r"from (\w+) to (\w+)\.", sample.question)[0]
    for line in sample.references[0].split("\n"):
        end, means = leads[here]
        assert line == f"From {here}, take a {means} to {end}."
        here = end
    assert here == last


def test_a_route_without_tags_or_with_one_wrong_means_is_wrong() -> None:
    task = GENERATED["longproc/path"]
    sample = next(task.samples(request(8_192)))
    assert task.score(sample.references[0], sample) == {"score": 0, "partial": 0}
    lines = sample.references[0].split("\n")
    lines[4] = re.sub("bus|train|plane|ferry", "mule", lines[4])
    scores = task.score("<Route>\n" + "\n".join(lines) + "\n</Route>", sample)
    assert scores == {"score": 0, "partial": pytest.approx(4 / len(lines))}


def test_countdown_takes_another_way_to_the_target() -> None:
    task = GENERATED["longproc/countdown"]
    sample = Sample(
        id="0",
        context="",
        question="",
        references=("unlike",),
        facts={"numbers": [2, 6], "target": 8},
    )
    assert task.score("<Solution>\n2 + 6 = 8\n</Solution>", sample)["score"] == 1
    assert task.score("<Solution>\n2 + 6 = 9\n</Solution>", sample)["score"] == 0


def test_countdown_goes_on_with_more_numbers_where_four_do_not_suffice() -> None:
    task = GENERATED["longproc/countdown"]
    short, long = (next(task.samples(request(length))) for length in (8_192, 100_000))
    assert len(short.facts["numbers"]) == 4
    assert len(long.facts["numbers"]) == 5
    assert task.score(right(long), long)["score"] == 1


def test_another_program_that_prints_the_same_is_right_and_one_that_prints_more_is_not() -> None:
    task = GENERATED["longproc/pseudo-code"]
    sample = next(task.samples(request(4_096)))
    program = sample.references[0]
    lines = "\n".join(re.sub(r"^( *)(\w) \+= (.+)$", r"\1\2 = \2 + \3", line) for line in program.split("\n"))
    assert lines != program
    assert task.score(f"```python\n{lines}\n```", sample)["score"] == 1
    assert task.score(f"```python\n{lines}\nprint(1)\n```", sample)["score"] == 0
    unread = lines.replace("p = a + 0", "p = 1")  # passes no input of another value
    assert task.score(f"```python\n{unread}\n```", sample)["score"] == 0
    assert task.score(f"```python\nimport os\n{lines}\n```", sample) == {"score": 0, "partial": 0}

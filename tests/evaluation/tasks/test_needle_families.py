"""What holds for every task of the families that hide needles or are needles throughout."""

from functools import cache
from itertools import pairwise

import pytest
from asked import first, request

from longspan.evaluation import Task, TaskError
from longspan.evaluation.catalogue import tasks
from timing import processor_seconds

FAMILIES = (
    "needlebench",
    "needle-threading",
    "needlechain",
    "nolima",
    "longbiobench",
    "hyper-multi-step",
    "mecw",
)
TASKS = [task for family in FAMILIES for task in tasks(family)]


@cache
def thirteen(task: Task) -> list:
    """The first samples, which several tests look at."""
    return first(task, 13)


every = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def perfect(task: Task, sample) -> str:
    """An answer that a faultless model would give."""
    listed = ", ".join(sample.references)
    if task.name.startswith(("needlebench/multi-hop", "needlebench/atc")):
        return f"We trace it step by step. So the answer is \\boxed{{{sample.references[0]}}}."
    if task.family == "needlechain":
        return f"We add up. ## Answer: ${sample.references[0]}"
    if task.family == "hyper-multi-step":
        return f"keys: {listed}" if "pairs" in task.name else f"names: {listed}"
    if task.name.startswith("longbiobench/citation"):
        pairs = zip(sample.references, sample.facts["citations"], strict=True)
        return ", ".join(f"{value} [{number}]" for value, number in pairs)
    if task.name.startswith(
        ("longbiobench/rank", "longbiobench/calc", "longbiobench/two", "longbiobench/multi-hop")
    ):
        return f"We compare. Therefore, it is {listed}.\n\nQuestion: and so on"
    return listed


@every
def test_a_sample_fits_its_length_and_fills_it(task):
    for length in (3000, 6000):
        [sample] = first(task, 1, length)
        used = request(length).prompt_tokens(sample) + task.max_new_tokens
        assert 0.9 * length <= used <= length


@every
def test_sample_n_is_the_same_however_many_are_taken(task):
    three = thirteen(task)[:3]
    assert first(task, 2) == three[:2]
    assert len({(sample.context, sample.question) for sample in three}) == 3
    assert [sample.id for sample in three] == ["0000", "0001", "0002"]


@every
def test_another_seed_gives_another_sample(task):
    assert thirteen(task)[:1] != first(task, seed=2)


@every
def test_the_perfect_answer_scores_one_and_a_wrong_one_nought(task):
    for sample in thirteen(task):
        score = task.score(perfect(task, sample), sample)
        assert score["score"] == 1
        assert all(0 <= figure <= 1 for figure in score.values())
        for wrong in ("", "I do not know."):
            assert task.score(wrong, sample)["score"] == 0


@every
def test_the_answer_to_another_sample_is_wrong(task):
    samples = thirteen(task)
    for one, two in pairwise(samples):
        if one.references != two.references:
            assert task.score(perfect(task, two), one)["score"] < 1
    assert len({sample.references for sample in samples}) > 5


@every
def test_a_length_that_is_too_short_is_refused(task):
    with pytest.raises(TaskError, match=r"raise length="):
        first(task, 1, task.max_new_tokens + 40)


@every
def test_the_question_is_asked_after_the_context(task):
    sample = thirteen(task)[0]
    assert sample.context.endswith("\n\n")
    assert sample.question.strip()
    assert sample.facts.keys() & {"depth", "depths", "needles"}


@pytest.mark.parametrize("task", {type(task): task for task in TASKS}.values(), ids=lambda task: task.name)
def test_a_long_sample_is_made_quickly(task):
    """What grows with the square of the length and takes 15 s for 128k words is found."""
    made = []
    assert processor_seconds(lambda: made.extend(first(task, 1, 32_000))) < 15 / 16
    assert request(32_000).prompt_tokens(made[0]) > 0.9 * 32_000


@every
def test_what_a_task_says_of_itself(task):
    assert task.name.partition("/")[0] in FAMILIES
    assert task.link.startswith("https://arxiv.org/abs/")
    assert task.link in type(task).__doc__
    assert all((task.description.endswith("."), task.metric, task.paper, task.form))

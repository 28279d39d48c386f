"""What holds for all thirteen tasks."""

import pytest

from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.task import TaskError, taken

TASKS = {task.name: task for task in tasks("ruler")}

NEW_TOKENS = {"niah": 128, "vt": 30, "cwe": 120, "fwe": 50, "qa": 32}


@pytest.fixture(params=TASKS.values(), ids=TASKS)
def task(request):
    return request.param


def test_there_are_thirteen():
    assert len(TASKS) == 13
    assert {task.name for task in find(["ruler"])} == set(TASKS)


def test_answers_are_as_long_as_published(task):
    assert task.max_new_tokens == NEW_TOKENS[task.name.removeprefix("ruler/").partition("-")[0]]


@pytest.mark.parametrize("length", [1024, 4096, 16384])
def test_prompt_and_answer_fill_the_length_without_exceeding_it(task, ask, length):
    request = ask(length)
    for sample in taken(task, request, 2):
        used = request.prompt_tokens(sample) + task.max_new_tokens
        assert 0.85 * length <= used <= length


def test_sample_is_the_same_however_many_are_taken_and_another_with_another_seed(task, ask):
    three = list(taken(task, ask(2048), 3))
    assert list(taken(task, ask(2048), 2)) == three[:2]
    assert len({sample.context for sample in three}) == 3
    assert next(iter(taken(task, ask(2048, seed=1), 1))).context != three[0].context


def test_perfect_and_wrong_answers(task, ask):
    for sample in taken(task, ask(2048), 3):
        assert task.score(f"They are {', '.join(sample.references)}.", sample)["score"] == 1
        assert task.score("I do not know.", sample)["score"] == 0


def test_references_are_in_the_context_and_not_in_the_question(task, ask):
    for sample in taken(task, ask(2048), 3):
        assert all(reference in sample.context for reference in sample.references)
        assert not any(reference in sample.question + sample.prefix for reference in sample.references)


def test_depth_is_a_share(task, ask):
    for sample in taken(task, ask(2048), 5):
        assert 0 <= sample.facts.get("depth", 0) <= 1


def test_too_short_a_length_and_none_are_refused(task, ask):
    for length in (60, None):
        with pytest.raises(TaskError, match="length="):
            list(taken(task, ask(length), 1))

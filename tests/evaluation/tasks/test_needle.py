import re

import pytest

from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import Request, TaskError, taken
from wordcount import words

TASKS = {task.name: task for task in tasks("needle")}
[PASSKEY] = find(["needle/passkey"])
[SENTENCE] = find(["needle/sentence"])


def ask(length, seed=0):
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=Haystack.built_in(),
    )


@pytest.fixture(params=TASKS.values(), ids=TASKS)
def task(request):
    return request.param


def test_names():
    assert set(TASKS) == {"needle/passkey", "needle/sentence"}


@pytest.mark.parametrize("length", [512, 4096, 16384])
def test_prompt_and_answer_fill_the_length(task, length):
    for sample in taken(task, ask(length), 2):
        assert 0.85 * length <= ask(length).prompt_tokens(sample) + task.max_new_tokens <= length


def test_eleven_depths_in_turn(task):
    samples = list(taken(task, ask(4096), 22))
    assert [sample.facts["depth"] for sample in samples] == pytest.approx([n / 10 for n in range(11)] * 2)
    for sample in samples:
        needle = re.search(
            r"The pass key is \d+\. Remember it\. \d+ is the pass key\.|The best thing[^.]*\.", sample.context
        )
        assert all(reference in needle[0] for reference in sample.references)
        room = len(sample.context) - len(needle[0])
        assert needle.start() / room == pytest.approx(sample.facts["depth"], abs=0.03)


def test_the_same_however_many_are_taken_and_another_with_another_seed(task):
    three = list(taken(task, ask(1024), 3))
    assert list(taken(task, ask(1024), 1)) == three[:1]
    assert next(iter(taken(task, ask(1024, seed=5), 1))).references != three[0].references


def test_score_of_a_key():
    [sample] = taken(PASSKEY, ask(512), 1)
    key = sample.references[0]
    assert re.fullmatch(r"[1-5]\d{4}", key)
    assert PASSKEY.score(f"{key}. Remember", sample) == {"score": 1}
    assert PASSKEY.score(f"1{key}, or {key}1", sample) == {"score": 0}
    assert PASSKEY.score("", sample) == {"score": 0}


def test_score_of_a_sentence():
    [sample] = taken(SENTENCE, ask(512), 1)
    food, park, weather = sample.references
    told = f"Eat a {food.upper()} and sit in {park.lower()} on a {weather} day"
    assert SENTENCE.score(told, sample) == {"score": 1, "whole": 1}
    assert SENTENCE.score(f"Sit in {park}", sample) == {"score": pytest.approx(1 / 3), "whole": 0}
    assert SENTENCE.score("Go home.", sample) == {"score": 0, "whole": 0}


def test_the_haystack_begins_at_its_beginning():
    request = ask(1024)
    for sample in taken(SENTENCE, request, 3):
        prose = re.sub(r"The best thing[^.]*\. ?", "", sample.context.partition("<context>\n")[2])
        assert prose.startswith(" ".join(request.haystack.take(3)))


def test_too_short_a_length_is_refused(task):
    with pytest.raises(TaskError, match="length="):
        list(taken(task, ask(60), 1))

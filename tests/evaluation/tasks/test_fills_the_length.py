"""What holds for every generated task that has no knob but the length: it fits, fills, repeats and can be solved."""

import json
from functools import cache
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.evaluation.catalogue import tasks
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, TaskError
from wordcount import words

FAMILIES = ("lost-in-the-middle", "longeval", "babilong", "ada-leval", "longins", "liconbench")
FROM_FILES = ("liconbench/banking77", "liconbench/clinc150", "liconbench/few-nerd")
TASKS = [task for family in FAMILIES for task in tasks(family) if task.sized and task.name not in FROM_FILES]
HAYSTACK = Haystack(
    repeats=True,
    name="h",
    text=" ".join(f"The cat number {number} slept on a warm wall all day." for number in range(60)),
)


def request(length: int, seed: int = 0) -> Request:
    return Request(length=length, seed=seed, count_tokens=words, overhead=20, haystack=HAYSTACK)


def perfect(task: Generated, sample: Sample) -> str:
    if task.family == "longins":
        return f"[{', '.join(sample.references)}]"
    return ", ".join(sample.references)


@pytest.fixture(scope="module", params=TASKS, ids=lambda task: task.name)
def task(request: pytest.FixtureRequest) -> Generated:
    return request.param


@cache
def twelve(task: Generated) -> list[Sample]:
    """The first samples, which several tests look at."""
    return list(islice(task.samples(request(3000)), 12))


@settings(max_examples=4, deadline=None)
@given(length=st.integers(2000, 9000), seed=st.integers(0, 1000))
def test_prompt_and_answer_fill_the_length(task: Generated, length: int, seed: int) -> None:
    asked = request(length, seed)
    for sample in islice(task.samples(asked), 2):
        used = asked.prompt_tokens(sample) + task.max_new_tokens
        assert 0.9 * length <= used <= length


def test_other_tokenizers_are_filled_too(task: Generated) -> None:
    asked = Request(length=12_000, seed=0, count_tokens=len, overhead=0, haystack=HAYSTACK)
    sample = next(task.samples(asked))
    assert 0.9 * 12_000 <= asked.prompt_tokens(sample) + task.max_new_tokens <= 12_000


def test_a_sample_is_the_same_however_many_are_taken(task: Generated) -> None:
    few, many = list(islice(task.samples(request(3000)), 3)), twelve(task)[:6]
    assert many[:3] == few
    assert len({sample.id for sample in many}) == 6
    assert len({(sample.context, sample.question) for sample in many}) == 6


def test_seeds_give_other_samples(task: Generated) -> None:
    assert twelve(task)[0] != next(task.samples(request(3000, 1)))


def test_the_perfect_answer_scores_one_and_another_zero(task: Generated) -> None:
    for sample in twelve(task):
        # The published scorer of BABILong finds one in none.
        assert task.score(perfect(task, sample), sample)["score"] == (sample.references != ("none",))
        assert task.score("", sample)["score"] == 0
        assert task.score("That is hard to tell, sorry", sample)["score"] == 0


def test_too_short_a_length_says_what_is_needed(task: Generated) -> None:
    with pytest.raises(
        TaskError, match=r"needs [\d,]+ tokens or more, length=100 is too short; raise length="
    ):
        next(task.samples(request(100)))


def test_facts_are_json(task: Generated) -> None:
    sample = twelve(task)[0]
    assert Sample.of(json.loads(json.dumps(sample.to_dict()))).to_dict() == sample.to_dict()


@pytest.mark.parametrize("task", {type(task): task for task in TASKS}.values(), ids=lambda task: task.name)
def test_a_long_text_is_made(task: Generated) -> None:
    asked = request(30_000)
    sample = next(task.samples(asked))
    assert asked.prompt_tokens(sample) + task.max_new_tokens > 29_500


def test_the_cards_are_complete() -> None:
    for family in FAMILIES:
        for card in tasks(family):
            assert card.family == family
            assert all((card.description, card.metric, card.paper, card.source, card.licence, card.form))
            assert card.link.startswith("https://")
            assert {card.diffusion, card.scope} <= {"low", "medium", "high"}

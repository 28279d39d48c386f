"""Plans: what is asked stands in the prompt, and is found in the right blocks only."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.golden_thread import TASKS, GoldenThread, written
from wordcount import words

EACH = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def request(length: int, seed: int = 0) -> Request:
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One."),
    )


def sampled(task: GoldenThread, length: int, seed: int = 0) -> Sample:
    return next(task.samples(request(length, seed)))


def answer(task: GoldenThread, sample: Sample, *, words: int = 150, without: tuple[str, ...] = ()) -> str:
    """All blocks, with the keywords of all kinds of instruction but `without`."""
    parts = []
    for place in range(1, sample.facts["blocks"] + 1):
        there = [
            keyword
            for kind, block, keyword in sample.facts["checks"]
            if block == place and kind not in without
        ]
        parts.append(
            f"#*# {task.block} {place}: {', '.join(there)}. "
            + "So it went on as it had gone before then. " * (words // 10)
        )
    return "\n".join(parts)


@EACH
@pytest.mark.parametrize("length", [8_192, 16_384])
def test_a_right_answer_scores_1_and_fills_the_length(task: GoldenThread, length: int) -> None:
    sample = sampled(task, length)
    right = answer(task, sample)
    assert task.score(right, sample) == dict.fromkeys(
        ("score", "completion", "full", "once", "range", "periodic"), 1
    )
    asked = request(length)
    assert asked.count_tokens(right) <= sample.facts["max_new_tokens"]
    assert 0.85 * length <= asked.prompt_tokens(sample) + asked.count_tokens(right) <= length


@EACH
def test_nothing_and_no_keywords_score_0(task: GoldenThread) -> None:
    sample = sampled(task, 8_192)
    assert set(task.score("", sample).values()) == {0}
    bare: Mapping[str, float] = task.score(
        answer(task, sample, without=("once", "range", "periodic"), words=20), sample
    )
    assert (bare["score"], bare["completion"], bare["full"]) == (0, 1, 0)


@EACH
@pytest.mark.parametrize("kind", ["once", "range", "periodic"])
def test_each_kind_is_counted_for_itself(task: GoldenThread, kind: str) -> None:
    sample = sampled(task, 8_192)
    scores = task.score(answer(task, sample, without=(kind,)), sample)
    assert scores[kind] == 0
    assert scores["score"] == pytest.approx(2 / 3)


@EACH
def test_an_answer_cut_in_half_meets_only_what_it_has(task: GoldenThread) -> None:
    sample = sampled(task, 16_384)
    blocks, checks = sample.facts["blocks"], sample.facts["checks"]
    half = blocks // 2
    cut = answer(task, sample).split(f"#*# {task.block} {half + 1}:")[0]
    scores = task.score(cut, sample)
    assert scores["completion"] == half / blocks
    for kind in ("once", "range", "periodic"):
        places = [place for each, place, _ in checks if each == kind]
        assert scores[kind] == sum(place <= half for place in places) / len(places)


@EACH
def test_the_prompt_names_every_keyword_and_place(task: GoldenThread) -> None:
    sample = sampled(task, 16_384)
    keywords = {keyword for _, _, keyword in sample.facts["checks"]}
    assert len(keywords) == 7
    assert all(keyword in sample.context for keyword in keywords)
    for kind, place, keyword in sample.facts["checks"]:
        if kind == "once":
            assert f"{task.block} {place}: " in sample.context
        assert 1 <= place <= sample.facts["blocks"], (kind, keyword)
    once = [place for kind, place, _ in sample.facts["checks"] if kind == "once"]
    assert len(set(once)) == len(once) == 5


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(4_000, 40_000))
def test_periods_are_regular_and_the_range_unbroken(seed: int, length: int) -> None:
    sample = sampled(TASKS[0], length, seed)
    places = {
        each: [place for kind, place, _ in sample.facts["checks"] if kind == each]
        for each in ("range", "periodic")
    }
    steps = {later - place for place, later in zip(places["periodic"], places["periodic"][1:], strict=False)}
    assert len(steps) == 1
    assert places["range"] == list(range(places["range"][0], places["range"][-1] + 1))
    assert places["periodic"][-1] + steps.pop() > sample.facts["blocks"]


def test_blocks_are_read_as_models_write_them() -> None:
    text = "Sure!\n#*# **Floor 1:** a hall\n#*# Floor 2 (second): b\n#*# Floor 2: again\n#*# floor 3:\n#*# Floor 4: d"
    assert written(text, "Floor").keys() == {1, 2, 4}
    assert "second" in written(text, "Floor")[2]
    assert written("#*# Floor 12: x", "Floor").keys() == {12}
    assert written("Floor 1: no mark before the first\n#*# Floor 2: b", "Floor").keys() == {1, 2}
    assert written("The tower has Floor 1: a and Floor 2: b", "Floor") == {}


def test_keywords_are_whole_words_whatever_their_case() -> None:
    task = TASKS[2]
    sample = Sample(
        id="0",
        context="",
        question="",
        references=(),
        facts={
            "blocks": 1,
            "checks": [["once", 1, "small cinema"], ["range", 1, "bakery"], ["periodic", 1, "a map"]],
        },
    )
    scores = task.score("#*# Floor 1: The Small  Cinema, a pretzelbakery and one map.", sample)
    assert (scores["once"], scores["range"], scores["periodic"]) == (1, 0, 1)


def test_samples_differ_by_seed_and_number_and_are_the_same_again() -> None:
    task = TASKS[0]
    first = task.samples(request(4_096))
    one, two = next(first), next(first)
    assert one != two != sampled(task, 4_096, seed=1) != one
    assert sampled(task, 4_096) == one


def test_too_short_a_length() -> None:
    with pytest.raises(TaskError, match="golden-thread/diary needs"):
        sampled(TASKS[0], 1_000)

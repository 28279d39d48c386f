"""Ada-LEval: the order can be found by following the journey, and one answer alone meets all wishes."""

import re
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.ada_leval import BestAnswer, Sort
from wordcount import words

SORT, BEST = find(["ada-leval/sort", "ada-leval/best-answer"])
STAGE = re.compile(r"From (\w+) \w+ (?:\w+ )+?for (\w+)\.")


def request(length: int = 4000, seed: int = 0) -> Request:
    haystack = Haystack(
        repeats=True, name="h", text="The wall was warm. A cat slept there. Nobody came by that day."
    )
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=haystack,
    )


def by_the_journey(context: str) -> list[int]:
    """The order of the parts, found from where each begins and ends."""
    before, *parts = re.split(r"\nPart \d+:\n", context.partition("\n\nAfter:")[0])
    begins = {STAGE.findall(part)[0][0]: number for number, part in enumerate(parts, 1)}
    place, order = STAGE.findall(before)[-1][1], []
    while place in begins:
        order.append(begins[place])
        place = STAGE.findall(parts[order[-1] - 1])[-1][1]
    return order


@given(seed=st.integers(0, 500))
def test_the_journey_tells_the_order(seed: int) -> None:
    sample = next(SORT.samples(request(1500, seed)))
    assert by_the_journey(sample.context) == sample.facts["order"]
    assert sample.references == (str(sample.facts["order"]),)


def test_the_parts_are_one_piece_of_text_between_before_and_after() -> None:
    sample = next(SORT.samples(request()))
    before, *parts, after = re.split(r"\n\n(?:Part \d+|After):\n", sample.context.partition("Before:\n")[2])
    whole = [before, *(parts[number - 1] for number in sample.facts["order"]), after]
    stages = STAGE.findall(" ".join(whole))
    assert all(one[1] == other[0] for one, other in pairwise(stages))
    lengths = [len(part) for part in parts]
    assert max(lengths) < 1.3 * min(lengths)


def test_all_orders_come_up() -> None:
    orders = {tuple(sample.facts["order"]) for sample in islice(SORT.samples(request(1200)), 150)}
    assert len(orders) > 20


@pytest.mark.parametrize(
    ("output", "score", "placed"),
    [
        ("[4, 1, 3, 2]", 1, 1),
        (" Answer: [4,1,3,2]\n", 1, 1),
        ("Part 4 -> Part 1 -> Part 3 -> Part 2", 1, 1),
        ("[4, 1, 2, 3]", 0, 0.5),
        ("[4, 1, 3]", 0, 0.75),
        ("4 1 3 2 and then 4 2 1", 0, 0),
        ("no", 0, 0),
        ("[" * 5000, 0, 0),
    ],
)
def test_orders_are_read_as_the_paper_reads_them(output: str, score: float, placed: float) -> None:
    sample = Sample(
        id="0", context="", question="", references=("[4, 1, 3, 2]",), facts={"order": [4, 1, 3, 2]}
    )
    assert SORT.score(output, sample) == {"score": score, "placed": placed}


def test_the_number_of_segments_can_be_chosen() -> None:
    six = Sort(**{**vars(SORT), "segments": 6})
    sample = next(six.samples(request()))
    assert sorted(sample.facts["order"]) == [1, 2, 3, 4, 5, 6]
    assert by_the_journey(sample.context) == sample.facts["order"]
    with pytest.raises(ValueError, match="segments=7 must be from 2 to 6"):
        Sort(**{**vars(SORT), "segments": 7})


def test_one_answer_alone_meets_all_wishes() -> None:
    for sample in islice(BEST.samples(request()), 10):
        question = sample.context.partition("The question is given below.\n")[2].partition("\n\n")[0]
        colour, material, harbour, day, extra = re.findall(
            r"be (\w+), built of (\w+), moored at (.+), free on (\w+), and to have (.+) on board", question
        )[0]
        answers = re.split(
            r"\n\nA\d+:\n", "\n\n" + sample.context.partition("Possible answers are given below.\n")[2]
        )
        fitting = [
            number
            for number, answer in enumerate(answers)
            if all(
                wish in answer
                for wish in (
                    f" {colour} boat",
                    f"of {material}.",
                    f"at {harbour},",
                    f"on {day},",
                    f"with {extra} on",
                )
            )
        ]
        assert [f"A{number}" for number in fitting] == list(sample.references)
        assert len(answers) - 1 == sample.facts["answers"] > 50
        assert abs(sample.facts["gold_index"] / sample.facts["answers"] - sample.facts["depth"]) < 0.05


@pytest.mark.parametrize(
    ("output", "score"),
    [
        ("A12", 1),
        ("Answer: A12 is the most helpful.", 1),
        ("12", 1),
        ("A1", 0),
        ("A120", 0),
        ("A3 is good, but A12 is better", 1),
        ("A12 or A14", 0),
        ("", 0),
        ("9" * 5000, 0),
    ],
)
def test_designations_are_read_as_the_paper_reads_them(output: str, score: float) -> None:
    sample = Sample(id="0", context="", question="", references=("A12",), facts={"answers": 20})
    assert BEST.score(output, sample) == {"score": score}


def test_the_tasks_are_those_of_the_classes() -> None:
    assert isinstance(SORT, Sort)
    assert isinstance(BEST, BestAnswer)

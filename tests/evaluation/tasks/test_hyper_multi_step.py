import re

import pytest
from asked import first, place

from longspan.evaluation import Sample, find


def task(name):
    [found] = find([f"hyper-multi-step/{name}"])
    return found


def pairs(sample) -> dict[str, int]:
    return {key: int(value) for key, value in re.findall(r'"(\d{10})": (\d+)', sample.context)}


STUDENT = re.compile(
    r"student named (\w+ \w+) is \d+ years old, graduated from (.+?) with a GPA of ([\d.]+)\."
)


def test_all_keys_of_the_value_are_wanted():
    for sample in first(task("multi-matching-pairs"), 4):
        wanted = int(re.search(r"with the value (\d+)\.", sample.question).group(1))
        assert tuple(key for key, value in pairs(sample).items() if value == wanted) == sample.references
        assert len(sample.references) == 3


def test_all_students_of_the_university_are_wanted():
    for sample in first(task("multi-matching-students"), 4):
        wanted = re.search(r"graduated from (.+?)\. Please", sample.question).group(1)
        found = [name for name, university, _ in STUDENT.findall(sample.context) if university == wanted]
        assert tuple(found) == sample.references


def test_one_key_lies_between_the_bounds():
    for sample in first(task("logic-pairs"), 12):
        low, high = map(
            int, re.search(r"greater than (\d+) and smaller than (\d+)", sample.question).groups()
        )
        assert tuple(key for key, value in pairs(sample).items() if low <= value <= high) == sample.references
        assert place(sample, sample.references[0]) == pytest.approx(sample.facts["depth"], abs=0.04)


def test_one_student_lies_between_the_bounds():
    for sample in first(task("logic-students"), 12):
        low, high = map(float, re.search(r"between (\d\.\d\d) and (\d\.\d\d)\?", sample.question).groups())
        grades = {name: float(grade) for name, _, grade in STUDENT.findall(sample.context)}
        assert tuple(name for name, grade in grades.items() if low <= grade <= high) == sample.references
        assert all(1.5 <= grade <= 5 for grade in grades.values())


def test_the_context_says_how_many_rows_there_are():
    [sample] = first(task("logic-pairs"))
    assert f"with {len(pairs(sample))} key-value pairs" in sample.context
    [sample] = first(task("logic-students"))
    assert f"Here are {len(STUDENT.findall(sample.context))} students" in sample.context


KEYS = ("0123456789", "9876543210")
NAMES = ("Otto Oakley", "Vera Oakley")


@pytest.mark.parametrize(
    ("name", "output", "references", "figures"),
    [
        ("multi-matching-pairs", "keys: 9876543210, 0123456789", KEYS, (1, 1, 1)),
        (
            "multi-matching-pairs",
            '9876543210 or 1234567890? keys: {"9876543210", "0123456789"}',
            KEYS,
            (1, 1, 1),
        ),
        ("multi-matching-pairs", "keys: 9876543210", KEYS, (0, 1, 0.5)),
        ("multi-matching-pairs", "keys: 9876543210, 0123456789, 1234567890", KEYS, (0, 2 / 3, 1)),
        ("multi-matching-pairs", "keys: 98765432101", KEYS, (0, 0, 0)),
        ("multi-matching-pairs", "9876543210, 0123456789", KEYS, (0, 0, 0)),
        ("logic-pairs", "It is 9876543210.", KEYS[1:], (1, 1, 1)),
        ("logic-students", 'name: "Otto Oakley"', NAMES[:1], (1, 1, 1)),
        ("logic-students", "Otto Oakley has 3.2.", NAMES[:1], (1, 1, 1)),
        ("logic-students", "name: Felix Norwick", NAMES[:1], (0, 0, 0)),
        ("multi-matching-students", "names: Otto Oakley and Felix Norwick", NAMES[:1], (0, 0.5, 1)),
    ],
)
def test_scores_by_hand(name, output, references, figures):
    sample = Sample(id="", context="", question="", references=references)
    wanted = dict(zip(("score", "precision", "recall"), figures, strict=True))
    assert task(name).score(output, sample) == pytest.approx(wanted)

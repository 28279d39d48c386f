import re

import pytest
from asked import first, place

from longspan.evaluation import Sample, find


def task(name):
    [found] = find([f"mecw/{name}"])
    return found


def told(sample) -> dict[str, str]:
    return dict(re.findall(r"^(.+)'s favourite colour is (\w+)\.$", sample.context, re.MULTILINE))


def test_the_colour_of_one_person_at_its_depth():
    for sample in first(task("needle"), 11):
        person = re.search(r"What is (.+)'s", sample.question).group(1)
        assert (told(sample)[person],) == sample.references
        assert place(sample, person) == pytest.approx(sample.facts["depth"], abs=0.06)


def test_the_colours_of_five_people_in_order():
    for sample in first(task("needles"), 3):
        persons = re.search(r"these people: (.+?)\?", sample.question).group(1).split(", ")
        assert tuple(told(sample)[person] for person in persons) == sample.references
        assert len(persons) == 5


def test_the_count_of_a_colour():
    for sample in first(task("summary"), 4):
        colour = re.search(r"have (\w+) as", sample.question).group(1)
        count = list(told(sample).values()).count(colour)
        assert sample.references == (str(count),)
        assert count > 1


def test_everybody_of_the_rare_colour_sorted():
    for sample in first(task("find-and-sort"), 4):
        colour = re.search(r"have (\w+) as", sample.question).group(1)
        found = sorted(name for name, each in told(sample).items() if each == colour)
        assert tuple(found) == sample.references
        assert len(found) == 5


@pytest.mark.parametrize(
    ("name", "output", "references", "figures"),
    [
        ("needle", "Her favourite colour is Blue.", ("blue",), {"score": 1, "share": 1}),
        ("needle", "blue or green", ("blue",), {"score": 0, "share": 1}),
        ("needle", "bluebell", ("blue",), {"score": 0, "share": 0}),
        ("needles", "blue, green", ("blue", "pink"), {"score": 0, "share": 0.5}),
        ("needles", "blue", ("blue", "pink"), {"score": 0, "share": 0.5}),
        ("summary", "Of 80 people, 1,204.", ("1204",), {"score": 1}),
        ("summary", "12", ("2",), {"score": 0}),
        (
            "find-and-sort",
            "Ivan Ashby, Otto Oakley.",
            ("Ivan Ashby", "Otto Oakley"),
            {"score": 1, "recall": 1},
        ),
        (
            "find-and-sort",
            "Otto Oakley, Ivan Ashby",
            ("Ivan Ashby", "Otto Oakley"),
            {"score": 0, "recall": 1},
        ),
        (
            "find-and-sort",
            "Ivan Ashby, Otto Oakley, Zelda Ashby",
            ("Ivan Ashby", "Otto Oakley"),
            {"score": 0, "recall": 1},
        ),
    ],
)
def test_scores_by_hand(name, output, references, figures):
    sample = Sample(id="", context="", question="", references=references)
    assert task(name).score(output, sample) == pytest.approx(figures)


def test_no_two_first_names_tie():
    for sample in first(task("find-and-sort"), 60, 900):
        firsts = [name.split()[0] for name in sample.references]
        assert len(set(firsts)) == 5
        assert firsts == sorted(firsts)
        assert len(told(sample)) == len(re.findall("favourite colour is", sample.context)), "each person once"

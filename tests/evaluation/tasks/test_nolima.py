import json
import re
from dataclasses import replace
from itertools import islice

import pytest
from asked import TEXT, first, place, request

from longspan.evaluation import Haystack, TaskError, find
from longspan.evaluation.tasks.needlebench.people import FIRST_NAMES
from longspan.evaluation.tasks.nolima.pairs import PAIRS
from longspan.evaluation.tasks.nolima.published import needles

ONE_HOP, TWO_HOP = find(["nolima/one-hop", "nolima/two-hop"])

COMMON = set(
    """a an and as at away be been behind could did does for from had has have his her in is it its know known knows
    like lives must never no not of on or out right should that the their to was were which who with would years
    name character cannot""".split()  # noqa: SIM905
)


def content(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"\w+", text.lower())} - {
        word.rstrip("s") for word in COMMON
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.two_hop)
def test_needle_and_questions_share_no_word(pair):
    needle = content(pair.needle)
    assert not needle & content(pair.one_hop)
    assert not needle & content(pair.two_hop)
    assert pair.one_hop != pair.two_hop
    assert pair.needle.count("{name}") == 1


def test_there_are_many_needles_and_characters():
    assert len(PAIRS) >= 25
    assert len({pair.needle for pair in PAIRS}) == len(PAIRS)
    assert len({pair.two_hop for pair in PAIRS}) == len(PAIRS)
    assert len(FIRST_NAMES) >= 200


def test_the_needle_lies_at_26_depths_in_turn():
    samples = first(ONE_HOP, 27, 1500)
    assert [round(sample.facts["depth"] * 25) for sample in samples] == [*range(26), 0]
    for sample in samples:
        needle = sample.facts["needle"]
        text = sample.context.partition("snippet:\n\n")[2].strip()
        share = text.index(needle) / (len(text) - len(needle))
        assert share == pytest.approx(sample.facts["depth"], abs=0.03)


def test_the_needle_names_the_character_and_a_question_asks_for_it():
    for task, kind in ((ONE_HOP, "one_hop"), (TWO_HOP, "two_hop")):
        for sample in first(task, 10):
            [name] = sample.references
            [pair] = [each for each in PAIRS if each.needle.format(name=name) == sample.facts["needle"]]
            assert f"Question: {getattr(pair, kind)}\n" in sample.question
            assert sample.context.count(name) == 1
            assert name not in sample.question
            assert 0 <= place(sample, sample.facts["needle"]) <= 1


def test_names_of_the_haystack_are_avoided():
    most = " ".join(f"Then {name} came by." for name in FIRST_NAMES[:-3])
    wanted = replace(request(6000), haystack=Haystack(repeats=True, name="crowd", text=f"{TEXT} {most}"))
    assert next(ONE_HOP.samples(wanted)).references[0] in FIRST_NAMES[-3:]
    full = replace(
        wanted,
        haystack=Haystack(
            repeats=True, name="crowd", text=" ".join(f"Then {name} came by." for name in FIRST_NAMES)
        ),
    )
    with pytest.raises(TaskError, match=r"stand in crowd too; choose another haystack"):
        next(ONE_HOP.samples(full))


def test_the_shortest_length_of_the_paper_is_possible():
    assert first(TWO_HOP, 1, 250)


def test_the_name_anywhere_in_the_output_counts():
    [sample] = first(ONE_HOP)
    [name] = sample.references
    assert ONE_HOP.score(f"It must be {name}, I think.", sample) == {"score": 1}
    assert ONE_HOP.score(name.lower(), sample) == {"score": 0}


@pytest.mark.parametrize("length", [1000, 4000, 16000])
def test_the_character_is_not_the_only_name_of_the_built_in_text(length):
    """What finds an answer without the question fails: the only name, the first and the last."""
    known = re.compile(rf"\b(?:{'|'.join(FIRST_NAMES)})\b")
    found = {"only": 0, "first": 0, "last": 0}
    asked = replace(request(length), haystack=Haystack.built_in())
    for sample in islice(ONE_HOP.samples(asked), 26):
        names = known.findall(sample.context)
        assert sample.references[0] in names
        found["only"] += len(set(names)) == 1
        found["first"] += names[0] == sample.references[0]
        found["last"] += names[-1] == sample.references[0]
    assert found["only"] == 0
    assert max(found.values()) <= 4


def test_the_papers_own_needles(tmp_path):
    path = tmp_path / "nolima" / "needlesets" / "needle_set.json"
    path.parent.mkdir(parents=True)
    row = {
        "id": "0401",
        "system_prompt": "",
        "needle": "Beside {1} lives {CHAR}.",
        "questions": {"onehop": "Who was in {2}?", "twohop": "Who was in {3}?"},
        "tests": {
            "T1": {"input_args": ["the Prado", "Madrid", "Spain"]},
            "T2": {"input_args": ["a", "b", "c"]},
        },
        "character_set": ["Yuki", "Calvin"],
    }
    path.write_text(json.dumps([row]))
    asked = replace(request(2500), data=tmp_path)
    assert ONE_HOP.origin_of(None) == "stand-in"
    assert ONE_HOP.origin_of(tmp_path) == "generated"
    questions = {
        sample.question.partition("Question: ")[2].partition("\n")[0]
        for sample in islice(TWO_HOP.samples(asked), 12)
    }
    assert questions == {"Who was in Spain?", "Who was in c?"}
    for sample in islice(ONE_HOP.samples(asked), 5):
        [name] = sample.references
        assert name in ("Yuki", "Calvin")
        assert f"lives {name}." in sample.context
    path.write_text(json.dumps([{**row, "tests": [1]}]))
    needles.cache_clear()
    with pytest.raises(TaskError, match="not laid out as published"):
        next(ONE_HOP.samples(asked))

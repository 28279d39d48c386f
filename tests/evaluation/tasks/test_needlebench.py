import re
from itertools import pairwise
from random import Random

import pytest
from asked import first, place

from longspan.evaluation import find
from longspan.evaluation.tasks.needlebench.kinship import GENERATIONS
from longspan.evaluation.tasks.needlebench.people import FIRST_NAMES, FULL_NAME, LAST_NAMES, people
from longspan.evaluation.tasks.needlebench.retrieval import Retrieval

SINGLE, MULTI, ATC = find(["needlebench/single", "needlebench/multi", "needlebench/atc"])


def begins_another(words) -> list[str]:
    """Those of the words that are the beginning of another."""
    return [one for one, two in pairwise(sorted(words)) if two.startswith(one)]


def test_no_name_begins_another_nor_does_a_first_name_end_another():
    assert not begins_another(name.lower() for name in FIRST_NAMES)
    assert not begins_another(name.lower() for name in LAST_NAMES)
    assert not begins_another(name.lower()[::-1] for name in FIRST_NAMES)


def test_people_are_all_different_and_found_in_an_answer():
    names = people(Random(1)).first(2000)
    assert len(set(names)) == 2000
    assert FULL_NAME.findall(f"Surely {', '.join(names)}.") == names


def test_the_single_needle_is_in_the_context_at_its_depth():
    samples = first(SINGLE, 12)
    for sample in samples:
        assert place(sample, sample.references[0]) == pytest.approx(sample.facts["depth"], abs=0.05)
        assert sample.references[0] not in sample.question
    assert [sample.facts["depth"] for sample in samples[::5]] == [0.0, 0.5, 1.0]


def test_ten_needles_are_spread_from_beginning_to_end():
    [sample] = first(MULTI)
    assert len(sample.references) == 10
    places = [place(sample, each) for each in sample.references]
    assert places == pytest.approx(sample.facts["depths"], abs=0.05)


def test_the_share_of_named_things_in_any_case():
    [sample] = first(MULTI)
    assert MULTI.score(" and ".join(sample.references[:4]).upper(), sample)["score"] == pytest.approx(0.4)


def test_more_needles_than_places_are_refused():
    facts = {
        name: getattr(SINGLE, name)
        for name in ("name", "description", "max_new_tokens", "diffusion", "scope")
    }
    with pytest.raises(ValueError, match=r"needles=33 is outside 1 .. 32"):
        Retrieval(**facts, metric="m", paper="p", link="l", form="f", needles=33)


TERM = re.compile(rf"\b({'|'.join(sorted(GENERATIONS, key=len, reverse=True))})\b")


def relations(context: str) -> list[tuple[str, str, int]]:
    """(elder, younger, generations) of each sentence of kinship, read by a reader who knows no code."""
    found = []
    for sentence in re.split(r"(?<=\.)\s", context.partition("distance is 3.\n\n")[2]):
        names, term = list(dict.fromkeys(FULL_NAME.findall(sentence))), TERM.search(sentence)
        if len(names) != 2 or term is None:
            continue
        younger_first = any(
            sentence.startswith(start)
            for start in (f"{names[0]}'s", f"For {names[0]}", f"{names[0]} learned")
        )
        elder, younger = reversed(names) if younger_first else names
        found.append((elder, younger, GENERATIONS[term.group()]))
    return found


@pytest.mark.parametrize("name", ["multi-hop-2", "multi-hop-5", "atc"])
def test_the_answer_follows_from_the_sentences(name):
    [task] = find([f"needlebench/{name}"])
    for sample in first(task, 8):
        told = relations(sample.context)
        assert len(told) == sample.facts["needles"]
        parent = {younger: (elder, generations) for elder, younger, generations in told}
        [youngest] = set(parent) - {elder for elder, _ in parent.values()}
        person, total = youngest, 0
        while person in parent:
            person, generations = parent[person]
            total += generations
        answers = {"eldest": person, "ancestor": person, "descendant": youngest, "distance": str(total)}
        assert sample.references == (answers[sample.facts["kind"]],)
        assert (person if sample.facts["kind"] == "descendant" else youngest) in sample.question
        assert sample.references[0] not in sample.question
    assert len({sample.facts["kind"] for sample in first(task, 4)}) == 4


def test_the_first_of_several_needles_lies_at_the_stated_depth():
    [task] = find(["needlebench/multi-hop-3"])
    for sample in first(task, 11, 4000):
        text = sample.context.partition("distance is 3.\n\n")[2]
        begins = FULL_NAME.search(text).start() / len(text)
        assert begins == pytest.approx(sample.facts["depth"], abs=0.08)


def test_the_trace_has_no_filler():
    [sample] = first(ATC, length=2000)
    text = sample.context.partition("distance is 3.\n\n")[2]
    assert all(FULL_NAME.search(sentence) for sentence in re.split(r"(?<=\.)\s", text.strip()))


@pytest.mark.parametrize(
    ("output", "score", "named"),
    [
        (r"So it is \boxed{Otto Oakley}.", 1, 1),
        (r"\boxed{Vera} no, \boxed{\text{Otto Oakley}}", 1, 1),
        (r"\boxed{Otto Oakley} no, \boxed{Vera}", 0, 1),
        (r"\boxed{'Otto Oakley'.}", 1, 1),
        ("Otto Oakley", 0, 1),
        (r"\boxed{otto}", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_last_box_counts(output, score, named):
    from longspan.evaluation import Sample

    sample = Sample(id="", context="", question="", references=("Otto Oakley",))
    assert ATC.score(output, sample) == {"score": score, "named": named}

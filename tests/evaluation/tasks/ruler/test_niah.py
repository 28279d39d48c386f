import re
from dataclasses import replace

import pytest

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import taken
from longspan.evaluation.tasks.ruler.family import NOISE

NEEDLE = re.compile(r"One of the special magic (numbers|uuids) for (\S+) is: (\S+)\.(?!\S)")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def samples(name, request, count=6):
    [task] = find([f"ruler/niah-{name}"])
    return list(taken(task, request, count))


@pytest.mark.parametrize(
    ("name", "needles", "references"),
    [
        ("single-1", 1, 1),
        ("single-2", 1, 1),
        ("single-3", 1, 1),
        ("multikey-1", 4, 1),
        ("multivalue", 4, 4),
        ("multiquery", 4, 4),
    ],
)
def test_number_of_needles_and_their_depths(name, needles, references, ask):
    for sample in samples(name, ask(4096)):
        found = {value: match.start() for match in NEEDLE.finditer(sample.context) for value in [match[3]]}
        assert len(found) == needles
        assert len(sample.references) == references
        assert sample.facts["depth"] == sample.facts["depths"][0]
        for reference, depth in zip(sample.references, sample.facts["depths"], strict=True):
            assert found[reference] / len(sample.context) == pytest.approx(depth, abs=0.05)


@pytest.mark.parametrize(
    "name", ["multikey-1", "multikey-2", "multikey-3", "multivalue", "multiquery", "single-1"]
)
def test_the_asked_keys_have_the_references_as_all_their_values(name, ask):
    for sample in samples(name, ask(4096), 3):
        query = re.search(r"for (.+) mentioned", sample.question)[1]
        asked = [key for key in re.split(r", and |, ", query) if key]
        told = [(key, value) for _, key, value in NEEDLE.findall(sample.context) if key in asked]
        assert {value for _, value in told} == set(sample.references)
        assert [key for key, _ in sorted(told, key=lambda pair: sample.references.index(pair[1]))] == (
            asked if len(asked) > 1 else asked * len(sample.references)
        )


def test_kinds_of_keys_and_values(ask):
    for name in ("single-1", "single-2", "multikey-2"):
        [sample] = samples(name, ask(2048), 1)
        assert all(re.fullmatch(r"[1-9]\d{6}", value) for _, _, value in NEEDLE.findall(sample.context))
        assert all(re.fullmatch(r"[a-z]+-[a-z]+", key) for _, key, _ in NEEDLE.findall(sample.context))
    [sample] = samples("multikey-3", ask(2048), 1)
    assert all(
        UUID4.fullmatch(key) and UUID4.fullmatch(value) for _, key, value in NEEDLE.findall(sample.context)
    )


def test_haystacks(ask):
    [noise] = samples("single-1", ask(2048), 1)
    _, *lines = noise.context.split("\n")
    assert [line for line in lines if line != NOISE] == [match[0] for match in NEEDLE.finditer(noise.context)]
    [needles] = samples("multikey-2", ask(2048), 1)
    assert all(NEEDLE.fullmatch(line) for line in needles.context.split("\n")[1:])
    essays = Haystack.essays()
    [essay] = samples("single-2", ask(2048, haystack=essays), 1)
    prose = NEEDLE.sub("", essay.context.partition("\n")[2])
    assert " ".join(prose.split()) in " ".join([*essays.sentences, *essays.sentences])


def test_wording_of_one_and_of_several(ask):
    [one] = samples("single-3", ask(1024), 1)
    assert one.context.startswith(
        "A special magic uuid is hidden within the following text. Make sure to memorize it."
    )
    assert one.question.startswith("\nWhat is the special magic uuid for ")
    assert one.prefix.endswith("mentioned in the provided text is")
    [several] = samples("multiquery", ask(1024), 1)
    assert several.context.startswith("Some special magic numbers are hidden within the following text.")
    assert re.fullmatch(
        r"\nWhat are all the special magic numbers for (\S+, ){3}and \S+ mentioned in the provided text\?",
        several.question,
    )
    assert several.prefix.endswith("mentioned in the provided text are")


def test_impossible_numbers_are_refused():
    [task] = find(["ruler/niah-single-1"])
    with pytest.raises(ValueError, match=r"queries=2 is outside 1 \.\. keys=1"):
        replace(task, queries=2)
    with pytest.raises(ValueError, match=r"outside 1 \.\. 40"):
        replace(task, keys=41)

"""Options that teach: what they name, and what does not go together."""

import pytest

from longspan.cli.asked import split
from longspan.cli.teaching import taught_of
from longspan.demonstrations.selections.random import Random
from longspan.errors import DocumentError, PlanError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "a", "label": "b"}\n')
    return str(path)


def test_a_selection_takes_the_place_of_the_lessons_own(file):
    taught = taught_of(file, "random(k=3,seed=2)", "super-icl(neighbours=2)", "auto")
    assert taught.lesson.selection == Random(k=3, seed=2)
    assert taught.lesson.neighbours == 2
    assert [each.label for each in taught.demonstrations] == ["b"]
    assert taught_of(None, None, None, "map-reduce") is None
    assert taught_of(None, None, "auto-icl", "auto").demonstrations == ()
    assert split(["what?"], alone=True) == ([], "what?")


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ((None, "random", None, "auto"), ValueError, "name their file with --demonstrations"),
        ((None, None, "many-shot", "auto"), ValueError, "name their file with --demonstrations"),
        (("FILE", None, None, "map-reduce"), ValueError, "leave one out"),
        (("FILE", "random", "ensemble-format", "auto"), ValueError, "names its own; leave it out"),
        (("FILE", "nearest", None, "auto"), ValueError, "--select"),
        (("FILE", "random(k=0)", None, "auto"), PlanError, "k=0"),
        (("FILE", None, "few-shot", "auto"), ValueError, "--lesson"),
        (("nowhere.jsonl", None, None, "auto"), DocumentError, "cannot be read"),
    ],
)
def test_what_does_not_go_together_says_what_to_do(file, given, error, said):
    with pytest.raises(error) as raised:
        taught_of(*(file if each == "FILE" else each for each in given))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)

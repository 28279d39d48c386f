"""Classification with demonstrations: what is shown, what is asked, and that no answer is given away."""

from itertools import islice

import pytest
from laid_out import asking, put, the

from longspan.evaluation import TaskError

TRAIN = [
    (f"text {number} about {'cards' if number % 2 else 'boats'}", f"label_{number % 4}")
    for number in range(40)
]
TEST = [("a NEW text about boats", "label_0"), ("text 3 about cards", "label_3"), ("another", "label_1")]


@pytest.fixture
def data(tmp_path):
    for name, rows in (("train", TRAIN), ("test", TEST)):
        lines = "".join(f"{text},{label}\n" for text, label in rows)
        put(tmp_path, f"banking77/{name}.csv", f"text,category\n{lines}")
    put(tmp_path, "clinc150/data_full.json", {"train": TRAIN, "test": TEST, "oos_train": []})
    return tmp_path


@pytest.mark.parametrize("name", ["banking77-random", "banking77-words", "clinc150-random", "clinc150-words"])
def test_demonstrations_fill_the_length_and_none_is_asked(data, name):
    task = the(f"many-shot/{name}")
    request = asking(data, 150)
    found = list(islice(task.samples(request), 3))
    again = list(islice(task.samples(asking(data, 150)), 3))
    assert found == again
    assert {sample.question.strip() for sample in found} == {text for text, _ in TEST}
    for sample in found:
        assert request.prompt_tokens(sample) + task.max_new_tokens <= 150
        assert sample.context.count("label: ") == sample.facts["shots"] > 0
        assert sample.facts["choices"] == [f"label {number}" for number in range(4)]
        assert "text 3 about cards" not in sample.context
        right = sample.references[0]
        scores = [float(each == right) - 1 for each in sample.facts["choices"]]
        assert task.score(str(scores), sample)["score"] == 1
        assert task.score(str(scores[::-1]), sample)["score"] == 0
    if name.endswith("random"):
        assert len({sample.context for sample in found}) == 1
        other = next(iter(task.samples(asking(data, 150, seed=1))))
        assert other.context != found[0].context
    else:
        boats = next(sample for sample in found if "boats" in sample.question)
        assert boats.context.rstrip().splitlines()[-2].endswith("boats")


def test_what_cannot_be_made_says_why(data, tmp_path):
    with pytest.raises(TaskError, match="raise length="):
        next(iter(the("many-shot/banking77-random").samples(asking(data, 40))))
    put(tmp_path / "odd", "clinc150/data_full.json", {"train": [["one"]], "test": []})
    with pytest.raises(TaskError, match="not laid out as published"):
        next(iter(the("many-shot/clinc150-words").samples(asking(tmp_path / "odd", 100))))

"""LIConBench: demonstrations are shared by all queries and prepare each of them."""

import csv
import json
import re
from itertools import islice
from pathlib import Path

import pytest

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, TaskError
from longspan.evaluation.tasks.liconbench.classification import Invented
from wordcount import words

INVENTED, BANKING, CLINC, ENTITIES = find(
    ["liconbench/look-up", "liconbench/banking77", "liconbench/clinc150", "liconbench/few-nerd"]
)


def request(length: int = 4000, data: Path | None = None, seed: int = 0) -> Request:
    haystack = Haystack(repeats=True, name="h", text="Nothing. To see. Here.")
    return Request(length=length, seed=seed, count_tokens=words, overhead=20, haystack=haystack, data=data)


def bank(folder: Path, labels: int = 12, each: int = 40) -> Path:
    (folder / "banking77").mkdir()
    for split in ("train", "test"):
        with (folder / f"banking77/{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "category"))
            rows.writerows(
                (f"{split} query, number {i} of {j}", f"intent_{j}")
                for j in range(labels)
                for i in range(each)
            )
    return folder


def shown(sample: Sample) -> list[tuple[str, str]]:
    return re.findall(
        r"^(?:service query|remark): (.+)\n(?:intent category|category): (.+)$", sample.context, re.MULTILINE
    )


def test_what_is_asked_was_demonstrated_with_its_label() -> None:
    for sample in islice(INVENTED.samples(request(1500)), 20):
        words = set(re.findall(r"\w+", sample.question))
        labels = {
            label
            for text, label in shown(sample)
            if any(len(w) == 7 and w in text for w in words - {"Somebody"})
        }
        assert sample.references[0] in labels


def test_the_same_thing_always_has_the_same_label() -> None:
    samples = list(islice(INVENTED.samples(request(8000)), 60))
    things: dict[str, set[str]] = {}
    for text, label in shown(samples[0]) + [(each.question, each.references[0]) for each in samples]:
        for word in re.findall(
            r"\b[bdglmnprstvz][aeiou][bdglmnprstvz][aeiou][bdglmnprstvz][aeiou][dlmnrs]\b", text
        ):
            things.setdefault(word, set()).add(label)
    assert len(things) > 200
    assert all(len(labels) == 1 for labels in things.values())
    assert len(set().union(*things.values())) == 64


@pytest.mark.parametrize("task", [INVENTED, BANKING], ids=lambda task: task.name)
def test_all_queries_have_the_same_demonstrations(task: Generated, tmp_path: Path) -> None:
    samples = list(islice(task.samples(request(data=bank(tmp_path))), 20))
    assert len({sample.context for sample in samples}) == 1
    assert len({sample.question for sample in samples}) == 20
    assert len(shown(samples[0])) == samples[0].facts["demonstrations"]


def test_demonstrations_come_in_rounds_of_all_labels(tmp_path: Path) -> None:
    sample = next(BANKING.samples(request(data=bank(tmp_path))))
    labels = [label for _, label in shown(sample)]
    rounds = [labels[begin : begin + 12] for begin in range(0, len(labels) - 11, 12)]
    assert len(rounds) > 5
    assert all(len(set(each)) == 12 for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1
    assert all(text.startswith("train") for text, _ in shown(sample))
    assert sample.question.startswith("service query: test")


def test_a_short_text_asks_only_for_labels_that_it_shows(tmp_path: Path) -> None:
    data = bank(tmp_path, labels=60)
    samples = list(islice(BANKING.samples(request(400, data)), 30))
    labels = {label for _, label in shown(samples[0])}
    assert len(labels) < 60
    assert {sample.references[0] for sample in samples} <= labels


def test_too_few_demonstrations_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="has 24 demonstrations, too few for length=4,000; lower length="):
        next(BANKING.samples(request(data=bank(tmp_path, labels=12, each=2))))


def test_absent_data_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError, match=r"put clinc150/data_full\.json into a folder and name the folder with data="
    ):
        next(CLINC.samples(request(data=tmp_path)))
    with pytest.raises(TaskError, match=r"put longicl_fewnerd/fewnerd_train_10turns\.json into a folder"):
        next(ENTITIES.samples(request()))


def test_malformed_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "clinc150").mkdir()
    (tmp_path / "clinc150/data_full.json").write_text(json.dumps({"train": [["only a text"]], "test": []}))
    with pytest.raises(TaskError, match="no pairs of text and intent under train"):
        next(CLINC.samples(request(data=tmp_path)))
    (tmp_path / "banking77").mkdir()
    (tmp_path / "banking77/train.csv").write_text("text,category\nhello,greeting\nbye,\n")
    with pytest.raises(TaskError, match="row 2 of train has no text or no category"):
        next(BANKING.samples(request(data=tmp_path)))
    (tmp_path / "longicl_fewnerd").mkdir()
    (tmp_path / "longicl_fewnerd/fewnerd_train_10turns.json").write_text('[{"sentence": "Hello."}]')
    with pytest.raises(TaskError, match=r"sentence 1 of .*10turns\.json has no entities"):
        next(ENTITIES.samples(request(data=tmp_path)))


@pytest.mark.parametrize(
    ("output", "score"),
    [
        (" card_arrival", 1),
        ("Card_Arrival\nservice query: another\nintent category: other", 1),
        ("intent category: card_arrival", 1),
        ("card_arrival service query: x", 1),
        ("card_arrival_late", 0),
        ("other\ncard_arrival", 0),
        ("", 0),
    ],
)
def test_accuracy_by_hand(output: str, score: float) -> None:
    sample = Sample(id="0", context="", question="", references=("card_arrival",))
    assert BANKING.score(output, sample) == {"score": score}


@pytest.mark.parametrize(
    ("output", "correct", "found", "score"),
    [
        ("Trio: organization-other\nStar Trek: Voyager: art-film", 2, 2, 1),
        ("\nTrio: organization-other\n", 1, 1, 2 / 3),
        ("Trio: person-other\nStar Trek: Voyager: art-film", 1, 2, 0.5),
        ("Trio: organization-other\nSentence: more\nStar Trek: Voyager: art-film", 1, 1, 2 / 3),
        ("Trio: organization-other\nthat is all\nStar Trek: Voyager: art-film", 1, 1, 2 / 3),
        ("", 0, 0, 0),
    ],
)
def test_entities_by_hand(output: str, correct: int, found: int, score: float) -> None:
    gold = ("Trio: organization-other", "Star Trek: Voyager: art-film")
    sample = Sample(id="0", context="", question="", references=gold)
    assert ENTITIES.score(output, sample) == pytest.approx(
        {"score": score, "tp": correct, "fp": found - correct, "fn": 2 - correct}
    )


def test_a_sentence_without_entities_is_right_where_none_is_named() -> None:
    sample = Sample(id="0", context="", question="", references=())
    assert ENTITIES.score("", sample)["score"] == 1
    assert ENTITIES.score("Trio: person-other", sample) == {"score": 0, "tp": 0, "fp": 1, "fn": 0}


@pytest.mark.parametrize("task", [BANKING, CLINC, ENTITIES], ids=lambda task: task.name)
def test_the_published_data(task: Generated, shared_data: Path) -> None:
    asked = request(4000, shared_data)
    samples = list(islice(task.samples(asked), 6))
    for sample in samples:
        used = asked.prompt_tokens(sample) + task.max_new_tokens
        assert 0.9 * 4000 <= used <= 4000
        assert task.score("\n".join(sample.references), sample)["score"] == 1
        assert task.score("none of them", sample)["score"] == 0
    assert len({sample.context for sample in samples}) == 1
    assert next(task.samples(request(4000, shared_data, seed=1))).context != samples[0].context


def test_labels_are_checked() -> None:
    with pytest.raises(ValueError, match="labels=1 must be 2 or more"):
        Invented(**{**vars(INVENTED), "labels": 1})

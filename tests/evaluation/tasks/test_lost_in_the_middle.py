"""Lost in the Middle: the gold item moves through the text, and distractors do not give the answer."""

import gzip
import json
import re
from itertools import islice
from pathlib import Path

import pytest
from laid_out import asking

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.metrics.text import contains
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.lost_in_the_middle.documents import NATURAL_QUESTIONS
from wordcount import words

PAIRS, KV_75, DOCUMENTS = find(
    [f"lost-in-the-middle/{name}" for name in ("key-value", "kv-75", "multi-document")]
)
PAIRS_OF_75 = "lost_in_the_middle/kv_retrieval_data/kv-retrieval-75_keys.jsonl.gz"


def request(data: Path | None = None) -> Request:
    haystack = Haystack(repeats=True, name="h", text="Nothing. To see. Here.")
    return Request(length=3000, seed=5, count_tokens=words, overhead=20, haystack=haystack, data=data)


def documents(context: str) -> list[str]:
    return re.split(r"Document \[\d+\]\(Title: ", context)[1:]


def test_the_pairs_are_json_and_the_gold_one_moves_from_first_to_last() -> None:
    depths = []
    for sample in islice(PAIRS.samples(request()), 6):
        pairs = json.loads(sample.context.partition("JSON data:\n")[2])
        key = re.findall(r'"(.+)"', sample.question)[0]
        assert pairs[key] == sample.references[0]
        assert list(pairs).index(key) == sample.facts["gold_index"]
        assert len(pairs) == sample.facts["pairs"] > 20
        assert sample.facts["gold_index"] == round(sample.facts["depth"] * (len(pairs) - 1))
        depths.append(sample.facts["depth"])
    assert depths == [0, 0.25, 0.5, 0.75, 1, 0]


def test_another_value_is_wrong() -> None:
    sample = next(PAIRS.samples(request()))
    other = list(json.loads(sample.context.partition("JSON data:\n")[2]).values())[1]
    assert PAIRS.score(other, sample) == {"score": 0}
    assert PAIRS.score(f"It is {sample.references[0].upper()}.", sample) == {"score": 1}


def test_only_the_gold_document_has_the_answer() -> None:
    questions = set()
    for sample in islice(DOCUMENTS.samples(request()), 10):
        found = [
            number for number, each in enumerate(documents(sample.context)) if sample.references[0] in each
        ]
        assert found == [sample.facts["gold_index"]]
        assert sample.facts["data"] == "invented"
        questions.add(sample.question.split()[1])
    assert len(questions) > 1


def zipped(folder: Path, name: str, rows: list[dict]) -> None:
    file = folder / name
    file.parent.mkdir(parents=True)
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def question(number: int, text: str) -> dict:
    title = f"Title {number}"
    return {
        "question": f"q{number}",
        "answers": [f"the answer{number}."],
        "ctxs": [{"title": title, "text": text}],
    }


def test_local_questions_have_distractors_without_the_answer(tmp_path: Path) -> None:
    rows = [question(number, f"Once answer{number} was given {'again ' * number}.") for number in range(6)]
    rows.append(question(6, "Here ANSWER0 and answer3 are told, and answer6."))
    zipped(tmp_path, NATURAL_QUESTIONS, rows)
    for sample in islice(DOCUMENTS.samples(request(tmp_path)), 8):
        shown = documents(sample.context)
        found = [number for number, each in enumerate(shown) if contains(each, sample.references[0])]
        assert found == [sample.facts["gold_index"]]
        assert sample.facts["data"] == "natural-questions"
        assert len(shown) == sample.facts["documents"] > 40


def test_answers_of_punctuation_alone_are_left_out(tmp_path: Path) -> None:
    sign = question(0, "The sign × is the answer0, also *.") | {"answers": ["*", "the answer0."]}
    zipped(tmp_path, NATURAL_QUESTIONS, [sign, question(1, "Once answer1 was given.")])
    samples = list(islice(DOCUMENTS.samples(request(tmp_path)), 8))
    assert {sample.references for sample in samples} == {("the answer0.",), ("the answer1.",)}


def test_a_malformed_question_is_named(tmp_path: Path) -> None:
    zipped(tmp_path, NATURAL_QUESTIONS, [question(0, "a"), {"question": "q", "answers": ["a"], "ctxs": []}])
    with pytest.raises(TaskError, match=r"oracle\.jsonl\.gz line 2 is no question .*; fetch the file anew"):
        next(DOCUMENTS.samples(request(tmp_path)))


def test_a_file_without_distractors_is_refused(tmp_path: Path) -> None:
    zipped(
        tmp_path, NATURAL_QUESTIONS, [question(0, "answer0 and answer1"), question(1, "answer1 and answer0")]
    )
    with pytest.raises(TaskError, match=r"has no passage without an answer to 'q\d'; fetch the file anew"):
        next(DOCUMENTS.samples(request(tmp_path)))


def published(asked: str = "k2", value: str = "v2") -> dict:
    pairs = [[f"k{number}", f"v{number}"] for number in range(5)]
    return {"ordered_kv_records": pairs, "key": asked, "value": value}


def test_published_pairs_are_asked_as_in_the_paper(tmp_path: Path) -> None:
    zipped(tmp_path, PAIRS_OF_75, [published(), published("k0", "v0"), published("k4", "v4")])
    first, second, third = KV_75.samples(asking(tmp_path))
    assert first.context + first.question + first.prefix == (
        "Extract the value corresponding to the specified key in the JSON object below.\n\n"
        'JSON data:\n{"k2": "v2",\n "k0": "v0",\n "k1": "v1",\n "k3": "v3",\n "k4": "v4"}\n\n'
        'Key: "k2"\nCorresponding value:'
    )
    assert first.references == ("v2",)
    assert [each.facts["gold_index"] for each in (first, second, third)] == [0, 1, 2]
    orders = [list(json.loads(each.context.partition("JSON data:\n")[2])) for each in (second, third)]
    assert orders == [["k1", "k0", "k2", "k3", "k4"], ["k0", "k1", "k4", "k2", "k3"]]


@pytest.mark.parametrize("row", [published("k9"), published(value="v1"), {"key": "k", "value": "v"}])
def test_published_pairs_of_another_layout_are_named(tmp_path: Path, row: dict) -> None:
    zipped(tmp_path, PAIRS_OF_75, [published(), row])
    with pytest.raises(TaskError, match=r"^lost-in-the-middle/kv-75 row 2 is not laid out as published"):
        list(KV_75.samples(asking(tmp_path)))


def test_absent_pairs_say_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"fetch it from https://github\.com/nelson-liu/.* data=\.\.\.$"):
        next(iter(KV_75.samples(asking(tmp_path))))


@pytest.mark.parametrize("count", [75, 140])
def test_the_published_pairs(shared_data: Path, count: int) -> None:
    (task,) = find([f"lost-in-the-middle/kv-{count}"])
    samples = list(task.samples(asking(shared_data)))
    assert len({sample.id for sample in samples}) == len(samples) == 500
    for sample in samples[:10]:
        pairs = json.loads(sample.context.partition("JSON data:\n")[2])
        assert len(pairs) == sample.facts["pairs"] == count
        key = re.findall(r'"(.+)"', sample.question)[0]
        assert (pairs[key],) == sample.references
        assert list(pairs).index(key) == sample.facts["gold_index"]
        assert task.score(f" {sample.references[0].upper()}.", sample) == {"score": 1}
    assert {sample.facts["gold_index"] for sample in samples} == {
        round(step * (count - 1) / 4) for step in range(5)
    }


def test_the_published_questions(shared_data: Path) -> None:
    for sample in islice(DOCUMENTS.samples(request(shared_data)), 5):
        shown = documents(sample.context)
        found = [
            number for number, each in enumerate(shown) if any(contains(each, a) for a in sample.references)
        ]
        # The answer's own title or a distractor's title may name it; the passage that has it is always there.
        assert sample.facts["gold_index"] in found
        assert sample.facts["data"] == "natural-questions"
        assert DOCUMENTS.score(sample.references[0], sample) == {"score": 1}


def test_published_documents(tmp_path: Path) -> None:
    file = (
        tmp_path
        / "lost_in_the_middle/qa_data/10_total_documents/nq-open-10_total_documents_gold_at_4.jsonl.gz"
    )
    file.parent.mkdir(parents=True)
    found = [{"title": f"T{n}", "text": f"Passage {n}.", "isgold": n == 4} for n in range(10)]
    row = {"question": "who built it", "answers": ["Ada Lovelace", "."], "ctxs": found}
    file.write_bytes(gzip.compress(json.dumps(row).encode()))
    [task] = find(["lost-in-the-middle/10-documents-4"])
    [sample] = task.samples(request(tmp_path))
    assert task.origin == "published"
    assert "Document [5](Title: T4) Passage 4.\nDocument [6](Title: T5) Passage 5.\n" in sample.context
    assert sample.question == "Question: who built it\n"
    assert sample.references == ("Ada Lovelace",)
    assert sample.facts == {"depth": 4 / 9, "gold_index": 4, "documents": 10}
    assert len([each for each in find(["lost-in-the-middle"]) if "documents-" in each.name]) == 15

"""HELMET, on small files in the layout of its archive and of the hub."""

import hashlib
import json
import re
from dataclasses import replace
from itertools import islice
from math import log2
from pathlib import Path

import pytest
from datasets import Dataset
from laid_out import asking, put, samples, the, words

from longspan.evaluation import Sample, TaskError
from longspan.evaluation.catalogue import find
from longspan.evaluation.metrics.text import exact
from longspan.evaluation.tasks.helmet.icl import Example, _rounds
from longspan.evaluation.tasks.helmet.parsed import better, parsed

RAG_FILES = ("nq-dev-multikilt_1000_k50_dep6", "nq-train-multikilt_1000_k3_dep6")


def rag_row(number: int, **more: object) -> dict:
    texts = [f"Nothing about {number}.", f"The river of town {number} is the Ash.", "More of nothing."]
    return {
        "question": f"Which river runs through town {number}?",
        "answers": ["the Ash", "Ash river"],
        "ctxs": [{"title": f"Town {number}", "text": text, "has_answer": False} for text in texts],
        **more,
    }


def test_questions_on_passages(tmp_path: Path) -> None:
    put(tmp_path, f"helmet/kilt/{RAG_FILES[0]}.jsonl", [rag_row(1), rag_row(2)])
    put(tmp_path, f"helmet/kilt/{RAG_FILES[1]}.jsonl", [rag_row(number) for number in (1, 7, 7, 8)])
    task = the("helmet/rag-nq-8k")
    first, second = samples("helmet/rag-nq-8k", tmp_path)
    assert not task.chat
    assert first.question == "Question: Which river runs through town 1?\n"
    assert (first.prefix, first.references) == ("Answer:", ("the Ash", "Ash river"))
    assert first.facts == {"depth": 0.5}
    # The examples are the two others; the question itself is not among them, and none stands twice.
    assert first.context.count("Question:") == first.context.count("Answer: the Ash") == 2
    assert first.context.count("town 7?") == first.context.count("town 8?") == 1
    assert "town 1?" not in first.context
    # As the paper's own library shuffles them by a seed made of the question.
    rows = Dataset.from_list([{"town": town} for town in (7, 7, 8)])
    seed = int(hashlib.sha256(first.question[len("Question: ") : -1].encode()).hexdigest(), 16) % 2**31
    order = list(dict.fromkeys(rows.shuffle(seed=seed)["town"]))
    assert [int(town) for town in re.findall(r"through town (.)\?", first.context)] == order
    assert first.context.endswith("Document (Title: Town 1): More of nothing.\n\n")
    assert second.context.count("Document (Title:") == 9
    assert task.score(" The Ash.\n", first)["score"] == 1
    assert task.score("\nIt is the ash river\nor not", first)["score"] == 1
    assert task.score("the Oak\nQuestion: the Ash?", first)["score"] == 1, (
        "all of the answer counts, as published"
    )


def test_only_what_is_little_known_is_asked_of_popqa(tmp_path: Path) -> None:
    rows = [rag_row(1, id=1, s_pop=999), rag_row(2, id=2, s_pop=1001)]
    put(tmp_path, "helmet/kilt/popqa_test_1000_k50_dep6.jsonl", rows)
    put(tmp_path, "data/kilt/popqa_test_1000_k3_dep6.jsonl", [*rows, rag_row(3, id=3, s_pop=5)])
    (sample,) = samples("helmet/rag-popqa-8k", tmp_path)
    assert "town 1?" in sample.question
    assert sample.context.count("Question:") == 1
    assert "town 3?" in sample.context


def test_ranking_of_passages(tmp_path: Path) -> None:
    def row(qid: str, labels: list[int]) -> dict:
        passages = [
            {"id": str(10 + n), "label": label, "text": f"Text {n}."} for n, label in enumerate(labels)
        ]
        return {"qid": qid, "query": f"query {qid}", "ctxs": passages}

    put(tmp_path, "helmet/msmarco/test_reranking_data_k50_dep3.jsonl", [row("a", [0, 3, 1])])
    shown = [row(qid, [0, 2]) for qid in "abc"]
    put(tmp_path, "helmet/msmarco/test_reranking_data_k10_dep3.jsonl", shown)
    task = the("helmet/rerank-msmarco-8k")
    (sample,) = samples("helmet/rerank-msmarco-8k", tmp_path)
    assert sample.references == ("11 > 12 > 10",)
    assert sample.context.count("Ranking: 11 > 10") == 2
    assert "[ID: 12] Document: Text 2." in sample.context
    assert sample.question == "Query: query a\n"
    assert task.score(f" {sample.references[0]}", sample) == {"score": 1, "ranked": 3}
    swapped = task.score(" ID12 > ID11", sample)
    assert swapped["score"] == pytest.approx((1 + 3 / log2(3)) / (3 + 1 / log2(3)))
    assert task.score("none", sample)["score"] == 0


DOCS = [
    {"title": "Vessry", "text": "Vessry Light was built in 1874 from grey granite."},
    {"title": "Gannet", "text": "Gannet Rock lies nine miles west of Saltmere harbour."},
    {"title": "Left out", "text": "Nothing."},
]


def demo(number: int) -> dict:
    docs = [{"title": "T", "text": f"Text {number}."}, {"title": "U", "text": "No."}]
    return {"question": f"Q {number}?", "answer": f"A {number} [1]", "docs": docs}


def test_answers_with_citations(tmp_path: Path) -> None:
    pairs = [
        {"question": "when", "short_answers": ["1874"]},
        {"question": "where", "short_answers": ["Saltmere"]},
    ]
    row = {"question": "Tell of the light?", "qa_pairs": pairs, "docs": [*DOCS[:2], *DOCS[2:] * 40]}
    put(tmp_path, "helmet/alce/asqa_eval_gtr_top2000.json", [row])
    put(tmp_path, "prompts/asqa_revised.json", {"demos": [demo(number) for number in range(4)]})
    task = the("helmet/cite-asqa-8k")
    (sample,) = samples("helmet/cite-asqa-8k", tmp_path)
    first, second, asked = sample.context.split("\n\n\n")
    assert {first[-7:], second[-7:]} < {f"A {n} [1]" for n in range(4)}
    shown = f"Instruction: {task.instruction}\n\nQuestion: Q 3?\n\nDocument [1](Title: T): Text 3.\n\n"
    assert task._examples({"demos": [demo(3)]}) == [
        f"{shown}Document [2](Title: U): No.\n\nAnswer: A 3 [1]\n\n\n"
    ]
    assert asked.startswith(
        f"Instruction: {task.instruction}\n\nQuestion: Tell of the light?\n\nDocument [1]"
    )
    assert (sample.question, sample.prefix) == ("", ""), "the template's end begins the answer, as published"
    assert "\n\nQuestion: Tell of the light?\n\nDocument [1](Title: Vessry): Vessry Light" in sample.context
    assert "Document [30]" in sample.context
    assert "Document [31]" not in sample.context
    right = "The light was built in 1874 from granite [1]. The rock lies nine miles west of Saltmere [2]."
    assert task.score(right, sample)["score"] == 1
    # One of two facts, none of two statements supported, no citation needed.
    half = task.score("The light was built in 1874 [2]. It is lovely.", sample)
    assert half == pytest.approx({"score": 1 / 6, "correct": 0.5, "recall": 0, "precision": 0})
    assert task.score("", sample)["score"] == 0
    assert task.entails("a tower of stone", "a tower of stone") is True


def test_lists_with_citations(tmp_path: Path) -> None:
    names = ["Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir"]
    docs = [{"title": name, "text": f"The {name} stands among trees of the park."} for name in names]
    answers = [[name, f"{name} tree"] for name in names]
    question = "Which trees of the park stand there?"
    put(
        tmp_path,
        "helmet/alce/qampari_eval_gtr_top2000.json",
        [{"question": question, "answers": answers, "docs": docs}],
    )
    put(tmp_path, "helmet/prompts/qampari_revised.json", {"demos": [demo(1), demo(2)]})
    task = the("helmet/cite-qampari-8k")
    (sample,) = samples("helmet/cite-qampari-8k", tmp_path)
    assert "Document [2](Title: U): No.\nAnswer: A 1 [1]\n\n\nInstruction" in sample.context
    assert sample.references == tuple(names)
    five = ", ".join(f"{name} [{number}]" for number, name in enumerate(names[:5], 1))
    assert task.score(f" {five}.", sample)["score"] == 1
    assert task.score("the ash tree [1], Yew [2]", sample)["correct"] == pytest.approx(1 / 5)
    assert task.score("Yew", sample)["score"] == 0
    # An empty item is one more that nothing supports.
    assert task.score("Ash [1], , Birch [2]", sample)["recall"] == pytest.approx(2 / 3)


def test_what_is_judged_has_the_title(tmp_path: Path) -> None:
    seen = []

    def entails(passage: str, claim: str) -> bool:
        seen.append((passage, claim))
        return True

    row = {"question": "Tell?", "qa_pairs": [{"short_answers": ["1874"]}], "docs": DOCS}
    put(tmp_path, "helmet/alce/asqa_eval_gtr_top2000.json", [row])
    put(tmp_path, "prompts/asqa_revised.json", {"demos": [demo(1), demo(2)]})
    task = replace(the("helmet/cite-asqa-8k"), entails=entails)
    (sample,) = task.samples(asking(tmp_path))
    assert task.score("It was built in 1874 [1].", sample)["score"] == 1
    assert seen == [(f"Title: Vessry\n{DOCS[0]['text']}", "It was built in 1874.")]


# Recall, by tasks of other families.


def test_recall_is_that_of_the_tasks_it_takes() -> None:
    for name, other in (("helmet/recall-niah-multikey-2", "ruler/niah-multikey-2"),):
        task = the(name)
        asked = asking(None, 2000)
        (sample,) = islice(task.samples(asked), 1)
        assert 1700 <= asked.prompt_tokens(sample) + task.max_new_tokens <= 2000
        assert task.score(sample.references[0], sample)["score"] == 1
        assert task.metric == the(other).metric
        assert "HELMET" in task.paper
        assert (task.chat, task.max_new_tokens) == (False, 50)


def test_json_kv_asks_after_two_pairs_of_the_object() -> None:
    task = the("helmet/recall-json-kv")
    assert find(["helmet/recall-key-value"]) == (task,), "its name of before"
    assert (task.chat, task.max_new_tokens) == (False, 100)
    for sample in islice(task.samples(asking(None, 2000)), 7):
        pairs = json.loads(sample.context.partition("JSON data:\n")[2])
        shown = re.findall(r"Key: (\S+)\nCorresponding value: (\S+)\n\n", sample.question)
        asked = re.findall(r"Key: (\S+)\n$", sample.question)
        assert len(shown) == 2
        assert all(pairs[key] == value for key, value in shown)
        assert pairs[asked[0]] == sample.references[0]
        assert list(pairs).index(asked[0]) == round(sample.facts["depth"] * (len(pairs) - 1))
        assert task.score(f"x\nCorresponding value: {sample.references[0]}", sample)["score"] == 1


def test_the_better_of_an_answer_and_what_is_read_out_of_it() -> None:
    assert parsed("Sure.\nAnswer: answer: B\nmore") == "B"
    assert parsed("B\nmore") == "B"
    assert better(exact, "Well. Answer: Ada\nNext", ["ada"]) == 1
    assert better(exact, "Ada", ["ada"]) == 1
    assert better(exact, "It is Ada", ["ada"]) == 0


# Learning in context.


@pytest.fixture
def intents(tmp_path: Path) -> Path:
    """Banking77 and CLINC150 with few labels."""
    for split, count in (("train", 20), ("test", 4)):
        rows = [
            f'"{split} text {n} of {label}, again",{label}'
            for label in ("card", "loan", "fee")
            for n in range(count)
        ]
        put(tmp_path, f"banking77/{split}.csv", "text,category\n" + "\n".join(rows) + "\n")
    pairs = [[f"text {n}", label] for label in ("alarm", "music") for n in range(9)]
    put(
        tmp_path,
        "clinc150/data_full.json",
        {
            "train": pairs,
            "oos_train": [["strange", "oos"]],
            "val": pairs[:2],
            "oos_val": [["odd", "oos"]],
            "test": [["never", "alarm"]],
            "oos_test": [["never", "oos"]],
        },
    )
    return tmp_path


def gold_of(sample: Sample) -> dict[str, str]:
    """The label's number by the text of each example."""
    shown = sample.context.partition("and nothing else. \n\n")[2].split("\n\n")
    return dict(each.split("\nlabel: ") for each in shown)


@pytest.mark.parametrize("length", [400, 1500])
def test_examples_fill_the_length(intents: Path, length: int) -> None:
    task = the("helmet/icl-banking77")
    asked = asking(intents, length)
    for sample in islice(task.samples(asked), 3):
        assert 0.9 * length <= asked.prompt_tokens(sample) + task.max_new_tokens <= length
        assert sample.context.count("\nlabel: ") == sample.facts["shots"]
        assert not task.chat


def test_labels_are_numbers_that_mean_the_same_within_a_sample(intents: Path) -> None:
    task = the("helmet/icl-banking77")
    mappings = set()
    for sample in islice(task.samples(asking(intents, 1000)), 8):
        by_label = {text.split(" of ")[1]: number for text, number in gold_of(sample).items()}
        assert set(by_label.values()) == {"0", "1", "2"}
        label = sample.question.strip().split(" of ")[1]
        assert sample.references == (by_label[label],)
        assert sample.question.startswith("\n\ntest text")
        assert task.score(f" {by_label[label]}\n\nfoo", sample)["score"] == 1
        assert task.score(f"label: {by_label[label]}", sample)["score"] == 1
        more = f"\n\nnext\nlabel: {(int(by_label[label]) + 1) % 3}"
        assert task.score(f" {by_label[label]}{more}", sample)["score"] == 1, "what follows is another text's"
        assert task.score(f" {(int(by_label[label]) + 1) % 3}", sample)["score"] == 0
        assert task.score("", sample)["score"] == 0
        mappings.add(tuple(by_label.items()))
    assert len(mappings) > 1


def test_samples_are_a_function_of_seed_and_length(intents: Path) -> None:
    task = the("helmet/icl-banking77")
    few, many = (list(islice(task.samples(asking(intents, 600)), count)) for count in (2, 15))
    assert many[:2] == few
    assert len({sample.id for sample in many}) == 15
    assert list(islice(task.samples(asking(intents, 600, seed=1)), 2)) != few


def test_rounds_have_each_label_once() -> None:
    from random import Random

    examples = [Example(f"{label}{n}", label) for label, count in (("a", 3), ("b", 1)) for n in range(count)]
    drawn = list(islice(_rounds(examples, Random(0)), 12))
    assert all({one.label, two.label} == {"a", "b"} for one, two in zip(drawn[::2], drawn[1::2], strict=True))
    assert {each.text for each in drawn[:6]} == {each.text for each in examples}
    assert sorted(each.text for each in _rounds(examples, Random(0), again=False)) == ["a0", "a1", "a2", "b0"]


def test_queries_outside_all_intents_are_one_more_label(intents: Path) -> None:
    asked = list(islice(the("helmet/icl-clinc150").samples(asking(intents, 400)), 3))
    assert {sample.question.strip() for sample in asked} == {"text 0", "text 1", "odd"}
    assert {number for sample in asked for number in gold_of(sample).values()} == {"0", "1", "2"}


def test_one_file_is_split_where_there_is_no_other(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "scenario": "x", "label": n % 3} for n in range(60)]
    put(tmp_path, "nlu_evaluation_data/train.jsonl", rows)
    asked = list(islice(the("helmet/icl-nlu").samples(asking(tmp_path, 3000)), 6))
    questions = {sample.question.strip() for sample in asked}
    assert len(questions) == 6
    assert all(question not in gold_of(sample) for sample in asked for question in questions)
    put(tmp_path, "nlu_evaluation_data/train.jsonl", rows[:5])
    with pytest.raises(TaskError, match="too few rows"):
        next(the("helmet/icl-nlu").samples(asking(tmp_path, 3000, seed=1)))


def test_trec(tmp_path: Path) -> None:
    rows = [{"text": f"How {n}?", "coarse_label": n % 2, "fine_label": n % 5} for n in range(40)]
    for split in ("train", "test"):
        put(tmp_path, f"trec/{split}.jsonl", rows)
    for kind, labels in (("coarse", 2), ("fine", 5)):
        (sample,) = islice(the(f"helmet/icl-trec-{kind}").samples(asking(tmp_path, 1000)), 1)
        assert len(set(gold_of(sample).values())) == labels


@pytest.mark.parametrize(("name", "labels"), [("banking77", 77), ("clinc150", 151)])
def test_published_intents(shared_data: Path, name: str, labels: int) -> None:
    task = the(f"helmet/icl-{name}")
    asked = asking(shared_data, 16_000)
    (sample,) = islice(task.samples(asked), 1)
    assert 0.9 * 16_000 <= words(sample.context) <= 16_000
    assert len(set(gold_of(sample).values())) == labels
    assert task.score(sample.references[0], sample)["score"] == 1

"""L-Eval, InfiniteBench, LooGLE and LV-Eval on small files in their published layouts."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_published_families import request_for

from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.metrics.aggregate import AGGREGATES
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task, TaskError


def samples(name: str, data: Path) -> tuple[Task, list[Sample]]:
    (task,) = find([name])
    return task, list(task.samples(request_for(data)))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


L_EVAL_GOLD = {
    "l-eval/coursera": "BD",
    "l-eval/quality": "(B) because of rain",
    "l-eval/tpo": "B",
    "l-eval/gsm100": "18",
    "l-eval/codeu": "[1, 2]",
    "l-eval/sci-fi": "True [fact: False]",
}


@pytest.mark.parametrize("task", tasks("l-eval"), ids=lambda task: task.name)
def test_l_eval_asks_each_instruction_of_a_document(tmp_path: Path, task: Task) -> None:
    gold = L_EVAL_GOLD.get(task.name, "four words of gold")
    row = {
        "instructions": ["First {document}?", "Second?"],
        "outputs": [gold] * 2,
        "input": "Text {instruction}.",
    }
    rows = [row | {"evaluation": kind, "source": "s"} for kind in ("rouge", "human", "LLM", "exam", "f1")]
    write(tmp_path / "l-eval" / vars(task)["data"].path, rows)
    found = list(task.samples(request_for(tmp_path)))
    assert [sample.id for sample in found] == [f"{number:04d}" for number in range(6)], (
        "judges' rows are left out"
    )
    assert [sample.facts["position"] for sample in found] == [1, 2] * 3
    assert found[0].context == found[1].context
    assert found[0].context.endswith("Text {instruction}.")
    assert "First {document}?" in found[0].question
    closed = task.name in L_EVAL_GOLD or "topic" in task.name
    assert ("around 4 words" in found[0].question) == (not closed)
    assert task.score(gold, found[0])["score"] == pytest.approx(1)
    assert task.score("xyz", found[0])["score"] == 0


def test_l_eval_needs_as_many_answers_as_instructions(tmp_path: Path) -> None:
    row = {"instructions": ["One?", "Two?"], "outputs": ["1"], "input": "x", "evaluation": "exam"}
    write(tmp_path / "l-eval/gsm100.jsonl", [row])
    with pytest.raises(TaskError, match=r"l-eval/gsm100 row 1: 2 instructions but 1 outputs; fetch"):
        samples("l-eval/gsm100", tmp_path)


OPTIONS = ["alpha", "beta", "gamma", "delta"]
INFINITE: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "passkey": ({"input": "What is the pass key?", "answer": ["71432"]}, ("71432",), " 71432."),
    "number": ({"input": "What is the sequence?", "answer": "3000077442"}, ("3000077442",), " 3000077442"),
    "kv": ({"input": 'Key: "a-1"', "answer": "b-2"}, ("b-2",), ' "b-2"'),
    "en-sum": ({"input": "", "answer": ["a fine book"]}, ("a fine book",), "A fine book"),
    "en-qa": ({"input": "Who?", "answer": ["Ann", "Ann B."]}, ("Ann", "Ann B."), "Ann B"),
    "en-mc": ({"input": "Who?", "options": OPTIONS, "answer": ["gamma"]}, ("gamma", "C"), " C."),
    "en-dia": ({"input": "x", "answer": ["ACE", "ACE ROTH"]}, ("ACE", "ACE ROTH"), " Ace."),
    "zh-qa": ({"input": "谁？", "answer": ["红楼"]}, ("红楼",), "红楼。"),
    "code-debug": ({"input": "", "options": OPTIONS, "answer": "beta"}, ("beta", "B"), "B."),
    "code-run": ({"input": "the value of func_12(-3).", "answer": -4}, ("-4",), " -4"),
    "math-find": (
        {"input": "You should answer briefly. The second largest number of the list is: ", "answer": 49.5},
        ("49.5",),
        "49.5",
    ),
    "math-calc": ({"input": "The value is: ", "answer": [[4, 14, 6]]}, ("4", "14", "6"), "[4, 14, 6]"),
}


@pytest.mark.parametrize("task", tasks("infinitebench"), ids=lambda task: task.name)
def test_infinitebench_reads_asks_and_scores(tmp_path: Path, task: Task) -> None:
    row, references, right = INFINITE[task.name.partition("/")[2]]
    write(
        tmp_path / "infinitebench" / vars(task)["data"].path,
        [{"id": 0, "context": "Text {input} {A}."} | row],
    )
    (sample,) = task.samples(request_for(tmp_path))
    assert "Text {input} {A}." in sample.context, "braces of the text are left alone"
    assert "{" not in sample.question + sample.prefix
    assert sample.references == references
    assert task.score(right, sample)["score"] == 1
    assert task.score("zzz", sample)["score"] == 0


def test_infinitebench_puts_the_rows_own_into_the_prompt(tmp_path: Path) -> None:
    for name in ("en-mc", "code-run", "math-find", "passkey"):
        (task,) = find([f"infinitebench/{name}"])
        row, _, _ = INFINITE[name]
        write(tmp_path / "infinitebench" / vars(task)["data"].path, [{"context": "Text."} | row])
    _, (choice,) = samples("infinitebench/en-mc", tmp_path)
    assert choice.question == "\n\nQuestion: Who?\nA. alpha\nB. beta\nC. gamma\nD. delta\n\n"
    assert choice.prefix == "The letter of the correct answer is"
    _, (run,) = samples("infinitebench/code-run", tmp_path)
    assert run.context.startswith("There is a function called func_12 in")
    assert (run.question, run.prefix) == (
        "\n\nPlease compute the exact value of func_12(-3). ",
        "The value of func_12(-3) is",
    )
    _, (number,) = samples("infinitebench/math-find", tmp_path)
    assert number.context == "What is the second largest number in the following list?\n\nText."
    _, (key,) = samples("infinitebench/passkey", tmp_path)
    assert (key.question, key.prefix) == ("\n\nWhat is the pass key?\n\n", "The pass key is")


@pytest.mark.parametrize(
    ("output", "score"),
    [
        (" B", 0),
        ("B. beta", 1),
        (" beta", 0),
        ("Based on this it is C", 0),
        ("the answer is: beta", 1),
        ("", 0),
    ],
)
def test_infinitebench_wants_a_mark_behind_the_letter_as_published(
    tmp_path: Path, output: str, score: float
) -> None:
    row, _, _ = INFINITE["code-debug"]
    write(tmp_path / "infinitebench/code_debug.jsonl", [{"context": "Text."} | row])
    task, (sample,) = samples("infinitebench/code-debug", tmp_path)
    assert sample.prefix == "The correct option is:"
    assert task.score(output, sample)["score"] == score


def test_infinitebench_names_a_row_whose_answer_is_no_option(tmp_path: Path) -> None:
    row = {"context": "x", "input": "y", "options": OPTIONS, "answer": ["omega"]}
    write(tmp_path / "infinitebench/longbook_choice_eng.jsonl", [row])
    with pytest.raises(TaskError, match=r"infinitebench/en-mc row 1: 'omega' is not in list; fetch"):
        samples("infinitebench/en-mc", tmp_path)


MASKS = {"<mask-0>": "Ann Bell", "<mask-1>": "Rome"}


@pytest.mark.parametrize("layout", ["a row for each question", "a row for each document"])
def test_loogle_reads_both_layouts(tmp_path: Path, layout: str) -> None:
    each = layout == "a row for each question"
    for file, gold in (
        ("shortdep_qa", "a blue whale"),
        ("longdep_qa", "a blue whale"),
        ("shortdep_cloze", MASKS),
    ):
        question = {"Q": "Who?", "A": gold, "S": "evidence", "type": "computation"}
        flat = {"context": "Text.", "question": "Who?", "answer": gold, "type": "computation"}
        old = {"input": "Text.", "title": "t", "qa_pairs": str([question]), "output": "none"}
        write(tmp_path / f"loogle/{file}.jsonl", [flat if each else old])
    flat = {"context": "Text.", "answer": "a blue whale"}
    old = {"input": "Text.", "qa_pairs": "none", "output": "a blue whale"}
    write(tmp_path / "loogle/data/summarization.jsonl", [flat if each else old])
    for name in ("shortdep-qa", "longdep-qa", "summarization"):
        task, (sample,) = samples(f"loogle/{name}", tmp_path)
        assert sample.context.endswith("Text.")
        assert ("Who?" in sample.question) == (name != "summarization")
        # All words of the gold answer, its only two pairs, and 3 of 5 words, for recall; no run of four for BLEU-4.
        assert dict(task.score("a blue whale. At sea", sample)) == pytest.approx(
            {"score": 1, "rouge_1": 1, "rouge_2": 1, "bleu_1": 2 / 5, "bleu_4": 0}
        )
        assert task.score("", sample)["score"] == task.score("A", sample)["score"] == 0
        assert task.score("zzz", sample)["score"] == 0
    _, (computed,) = samples("loogle/longdep-qa", tmp_path)
    assert computed.facts == {"type": "computation"}
    task, (cloze,) = samples("loogle/shortdep-cloze", tmp_path)
    assert cloze.references == ("<mask-0>=Ann Bell", "<mask-1>=Rome")


@pytest.mark.parametrize(
    ("output", "exact", "partial"),
    [
        (json.dumps(MASKS), 1, 1),
        (f"\n{MASKS}\n", 1, 1),
        (f"They are {MASKS}.", 0, 0),
        ('{"<mask-0>": ["Ann Bell"], "<mask-1>": 5}', 0, 0),
        ('{"<mask-0>": "Ann", "<mask-1>": "Paris"}', 0, 0.5),
        ('{"<mask-1>": "Rome"}', 0.5, 0.5),
        ("{__import__('os')}", 0, 0),
        ("Ann Bell", 0, 0),
    ],
)
def test_loogle_cloze_counts_masks(tmp_path: Path, output: str, exact: float, partial: float) -> None:
    write(tmp_path / "loogle/shortdep_cloze.jsonl", [{"context": "x", "question": "y", "answer": str(MASKS)}])
    task, (sample,) = samples("loogle/shortdep-cloze", tmp_path)
    assert dict(task.score(output, sample)) == {
        "score": exact,
        "partial": partial,
        "found": 2 * exact,
        "wanted": 2,
    }
    join = AGGREGATES[task.aggregate].join
    # One of one mask and one of five: two of six, not the mean of the samples.
    assert join(np.array([[1.0, 1.0], [1.0, 5.0]]).mean(axis=1)) == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    "row", [{"context": "x"}, {"input": "x", "qa_pairs": "[("}, {"input": "x", "qa_pairs": [{}]}]
)
def test_loogle_names_a_row_it_cannot_read(tmp_path: Path, row: dict[str, Any]) -> None:
    write(tmp_path / "loogle/shortdep_qa.jsonl", [row])
    with pytest.raises(TaskError, match=r"loogle/shortdep-qa row 1: its questions cannot be read .*; fetch"):
        samples("loogle/shortdep-qa", tmp_path)


@pytest.mark.parametrize("task", tasks("lv-eval"), ids=lambda task: task.name)
def test_lv_eval_reads_its_length_from_its_archive(tmp_path: Path, task: Task) -> None:
    source = vars(task)["data"]
    chinese = "：" in vars(task)["template"]
    gold, keywords = ("北京天津上海", "北京") if chinese else ("it was in Paris", "Paris")
    row = {"input": "Where?", "context": f"Text {{input}} of {source.member}.", "length": 16000}
    (tmp_path / "lv-eval").mkdir()
    with zipfile.ZipFile(tmp_path / "lv-eval" / source.path, "w") as archive:
        for name in (source.member, "other.jsonl"):
            rows = [row | {"answers": [gold, "zzz"], "answer_keywords": keywords}, row | {"answers": [gold]}]
            archive.writestr(f"{source.path}/{name}", "\n".join(json.dumps(each) for each in rows))
    first, second = task.samples(request_for(tmp_path))
    assert f"Text {{input}} of {source.member}." in first.context
    assert "Where?" in first.question
    assert (first.references, first.facts, second.facts) == (
        (gold,),
        {"keywords": keywords},
        {"keywords": None},
    )
    assert (
        task.score(gold, first)["score"]
        == pytest.approx(task.score(gold, second)["score"])
        == pytest.approx(1)
    )
    assert task.score("zzz", first)["score"] == 0, "only the first gold answer counts"
    if vars(task)["compare"].__name__.startswith("keyword"):
        without = "天津上海" if chinese else "it was in"
        assert task.score(without, first)["score"] == 0

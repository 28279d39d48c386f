"""LongBench, LongBench-E, v2 and Pro on small files in their published layouts."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from test_published_families import request_for

from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task, TaskError
from longspan.evaluation.tasks.longbench_pro import metrics as pro

ANSWERS = {
    "trec": "Place",
    "lsht": "体育",
    "passage_count": "7",
    "passage_retrieval_en": "Paragraph 7",
    "passage_retrieval_zh": "段落7",
    "lcc": "return x + 1",
    "repobench-p": "return x + 1",
    "dureader": "北京天津",
    "vcsum": "北京天津",
    "multifieldqa_zh": "北京天津",
}
LABELS = {"trec": ["Place", "Person"], "lsht": ["体育", "财经"]}
LENGTHS = (3999, 4000, 8000)


def samples(name: str, data: Path) -> tuple[Task, list[Sample]]:
    (task,) = find([name])
    return task, list(task.samples(request_for(data)))


@pytest.fixture(scope="module")
def longbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as it is on the hub, with three rows a data set."""
    data = tmp_path_factory.mktemp("data")
    (data / "longbench").mkdir()
    with zipfile.ZipFile(data / "longbench/data.zip", "w") as archive:
        for task in tasks("longbench"):
            name = vars(task)["data"].member.removesuffix(".jsonl")
            rows = [
                {
                    "_id": str(number),
                    "input": f"What about {{context}} {number}?",
                    "context": f"Text {{input}} of {name}.\n",
                    "answers": ["nothing at all", ANSWERS.get(name, "blue whale song")],
                    "length": length,
                    "dataset": name,
                    "language": "en",
                    "all_classes": LABELS.get(name),
                }
                for number, length in enumerate(LENGTHS)
            ]
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            archive.writestr(f"data/{name}.jsonl", text)
            archive.writestr(f"data/{name}_e.jsonl", text.replace("Text", "Even text"))
    return data


@pytest.mark.parametrize("task", [*tasks("longbench"), *tasks("longbench-e")], ids=lambda task: task.name)
def test_longbench_reads_asks_and_scores(longbench: Path, task: Task) -> None:
    found = list(task.samples(request_for(longbench)))
    assert [sample.id for sample in found] == ["0000", "0001", "0002"]
    assert [sample.facts["words"] for sample in found] == ["<4k", "4-8k", "8k+"]
    first = found[0]
    assert ("Even text {input} of" if task.family == "longbench-e" else "Text {input} of") in first.context
    assert "What about" not in first.context
    asks = not any(
        each in task.name for each in ("gov-report", "multi-news", "vcsum", "passage-count", "lcc")
    )
    assert ("What about {context} 0?" in first.question) == asks
    assert Sample.of(json.loads(json.dumps(first.to_dict()))).to_dict() == first.to_dict()
    assert task.score(first.references[1], first)["score"] == pytest.approx(1)
    assert task.score("zzz", first)["score"] < 0.3


def test_the_prompt_is_the_published_one(longbench: Path) -> None:
    _, (first, *_) = samples("longbench/multifieldqa-en", longbench)
    assert first.context + first.question == (
        "Read the following text and answer briefly.\n\nText {input} of multifieldqa_en.\n\n\nNow, answer the "
        "following question based on the above text, only give me the answer and do not output any other words.\n\n"
        "Question: What about {context} 0?\nAnswer:"
    )
    _, (first, *_) = samples("longbench/lcc", longbench)
    assert first.context + first.question == (
        "Please complete the code given below. \nText {input} of lcc.\nNext line of code:\n"
    )


def test_few_shot_and_code_go_without_a_chat_template_and_end_at_the_line() -> None:
    plain = {"trec", "triviaqa", "samsum", "lsht", "lcc", "repobench-p"}
    assert {task.name.partition("/")[2] for task in tasks("longbench") if not task.chat} == plain


@pytest.mark.parametrize(
    ("name", "output", "score"),
    [
        ("trec", "\nPlace\nQuestion: Person", 1),
        ("trec", "Place or Person", 0.5),
        ("triviaqa", "blue whale song\nPassage: and so on", 1),
        ("narrativeqa", "blue whale song\nand so on", 6 / 9),
    ],
)
def test_only_some_tasks_end_at_the_first_line(longbench: Path, name: str, output: str, score: float) -> None:
    task, (first, *_) = samples(f"longbench/{name}", longbench)
    # narrativeqa: 3 of 6 words of the output, 3 of 3 of the reference: 2·(1/2)·1/(3/2) = 2/3.
    assert task.score(output, first)["score"] == pytest.approx(score)


V2 = {
    "_id": "a",
    "domain": "Code",
    "sub_domain": "Repository",
    "difficulty": "hard",
    "length": "short",
    "question": " Which? ",
    "choice_A": "one",
    "choice_B": "two ",
    "choice_C": "three",
    "choice_D": "four",
    "answer": "B",
    "context": "  Text.\n",
}


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    (tmp_path / "longbench-v2").mkdir()
    (tmp_path / "longbench-v2/data.json").write_text(json.dumps([V2, V2 | {"answer": "D"}]), "utf-8")
    return tmp_path


def test_v2_asks_as_published(v2: Path) -> None:
    _, (first, second) = samples("longbench-v2", v2)
    assert first.context + first.question == (
        "Please read the following text and answer the question below.\n\n<text>\nText.\n</text>\n\n"
        "What is the correct answer to this question: Which?\nChoices:\n(A) one\n(B) two\n(C) three\n(D) four\n\n"
        'Format your response as follows: "The correct answer is (insert answer here)".'
    )
    assert (first.references, second.references) == (("B",), ("D",))
    assert dict(first.facts) == {
        "domain": "Code",
        "sub_domain": "Repository",
        "difficulty": "hard",
        "length": "short",
    }


@pytest.mark.parametrize(
    ("output", "score"),
    [
        ("The correct answer is (B)", 1),
        ("**The correct answer is B**", 1),
        ("The correct answer is A. No, the correct answer is (B)", 0),
        ("The correct answer is A? The correct answer is (B)", 1),
        ("B", 0),
        ("The correct answer is (C)", 0),
    ],
)
def test_v2_needs_the_sentence(v2: Path, output: str, score: float) -> None:
    task, (first, _) = samples("longbench-v2", v2)
    assert task.score(output, first)["score"] == score


@pytest.fixture
def pro_data(tmp_path: Path) -> Path:
    rows = [
        {
            "id": str(number),
            "context": "Long text.",
            "language": "English",
            "token_length": "8k",
            "primary_task": vars(task)["title"][:2],
            "secondary_task": vars(task)["title"],
            "contextual_requirement": "Full",
            "question_nonthinking": f"Question {number}?",
            "question_thinking": "Think.",
            "answer": ["Blue Whale", "Red Fox", "Gray Seal"],
            "difficulty": "Easy",
        }
        for number, task in enumerate(tasks("longbench-pro"))
    ]
    (tmp_path / "longbench-pro").mkdir()
    (tmp_path / "longbench-pro/longbench_pro.json").write_text(json.dumps(rows), "utf-8")
    return tmp_path


@pytest.mark.parametrize("task", tasks("longbench-pro"), ids=lambda task: task.name)
def test_pro_reads_its_own_rows_and_scores(pro_data: Path, task: Task) -> None:
    (sample,) = task.samples(request_for(pro_data))
    number = tasks("longbench-pro").index(task)
    assert (sample.context, sample.question) == ("Long text.", f"\n\n\n\nQuestion {number}?")
    listed = sample.references[0] if "Summary" in vars(task)["title"] else "\n".join(sample.references)
    assert task.score(f"{listed}".upper(), sample)["score"] == pytest.approx(1)
    assert task.score("something else", sample)["score"] == 0


GOLD: Sequence[str] = ("Blue Whale", "Red Fox", "Gray Seal")
SAID = "Thinking.\nRed fox\n[Answer]\nred  FOX\nblue whale\nAnt"


def test_pro_metrics_by_hand() -> None:
    scores: Mapping[str, float] = {
        "accuracy": 0,  # the first line is the second item
        "list_f1": 2 * 2 / (3 + 3),
        "found": 2 / 3,
        "pairwise_accuracy": 0 / 3,  # the one pair that is there stands the wrong way round
        # Gains 2, 3, 0 against the best 3, 2, 1, each divided by log2(rank + 1).
        "ndcg": (2 / 1 + 3 / 1.5849625) / (3 / 1 + 2 / 1.5849625 + 1 / 2),
    }
    assert {name: getattr(pro, name)(SAID, GOLD) for name in scores} == pytest.approx(scores)
    assert pro.pairwise_accuracy("Blue Whale\nAnt\nRed Fox", GOLD) == pytest.approx(1 / 3)
    assert pro.pairwise_accuracy("Blue Whale", GOLD) == 0
    assert pro.accuracy("[答案]blue whale", GOLD) == 1
    # 北京 ， 天津 with 北京 天津: two of three words, two of two.
    assert pro.summary("北京，天津", ["北京天津"]) == pytest.approx(4 / 5)


def test_a_row_that_lacks_a_field_is_named(tmp_path: Path) -> None:
    (tmp_path / "longbench-v2").mkdir()
    broken = [V2, {key: value for key, value in V2.items() if key != "choice_C"}]
    (tmp_path / "longbench-v2/data.json").write_text(json.dumps(broken), "utf-8")
    with pytest.raises(TaskError, match=r"data\.json row 2: longbench-v2/choice needs choice_C; fetch"):
        samples("longbench-v2", tmp_path)

"""L-CiteEval, on rows as the hub has them."""

from dataclasses import replace
from pathlib import Path

import pytest
from laid_out import put, samples, the

from longspan.evaluation import TaskError

DOCS = [
    "The tower of Vessry was built in 1874 from granite.",
    {"title": "Keepers", "text": "Keepers\nMarta Ilvane is the principal keeper.\n"},
    {"title": "Boat", "text": "The supply boat is the Plover."},
]


def put_rows(data: Path, name: str, *rows: dict) -> None:
    put(data, f"l-citeeval/L-CiteEval-{name}.json", list(rows))


def test_an_answer_with_citations(tmp_path: Path) -> None:
    row = {
        "id": 1,
        "question": "When was it built?",
        "answer": ["It was built in 1874", "1874"],
        "docs": DOCS,
        "length": 40,
    }
    put_rows(tmp_path, "Data/narrativeqa", row)
    task = the("l-citeeval/narrativeqa")
    (sample,) = samples("l-citeeval/narrativeqa", tmp_path)
    assert sample.context == (
        "Passage [1]: The tower of Vessry was built in 1874 from granite.\n"
        "Passage [2]: Marta Ilvane is the principal keeper.\n"
        "Passage [3]: The supply boat is the Plover."
    )
    assert sample.question.endswith("\n\nQuestion: When was it built?\nAnswer:")
    assert sample.facts["length"] == 40
    assert task.score("The tower was built in 1874 [1].", sample) == pytest.approx(
        {"score": 1, "recall": 1, "precision": 1, "citations": 1, "correct": 0.8}
    )
    # Two of three citations are of no use, and one of two statements is not supported.
    mixed = task.score("The tower was built in 1874 [1][2]. The dog is brown [3].", sample)
    assert mixed == pytest.approx(
        {"score": 0.4, "recall": 1 / 2, "precision": 1 / 3, "citations": 3, "correct": mixed["correct"]}
    )
    assert task.score("In 1874.", sample)["score"] == task.score("", sample)["score"] == 0


def test_another_judge_of_entailment_can_be_given(tmp_path: Path) -> None:
    put_rows(tmp_path, "Data/hotpotqa", {"question": "Who?", "answer": "Marta", "docs": DOCS})
    asked = []

    def nothing_follows(passage: str, claim: str) -> bool:
        asked.append((passage, claim))
        return False

    (sample,) = samples("l-citeeval/hotpotqa", tmp_path)
    answer = "Marta Ilvane is the keeper [2]."
    assert the("l-citeeval/hotpotqa").score(answer, sample)["score"] == 1
    strict = replace(the("l-citeeval/hotpotqa"), entails=nothing_follows)
    assert strict.score(answer, sample)["score"] == 0
    assert asked == [("Marta Ilvane is the principal keeper.", "Marta Ilvane is the keeper.")]


def test_the_metric_says_that_no_model_judges() -> None:
    for name in ("l-citeeval/hotpotqa", "l-citeeval/gov-report"):
        assert "shared words stand for entailment" in the(name).metric


def test_summaries_and_conversations(tmp_path: Path) -> None:
    put_rows(tmp_path, "Length/gov_report", {"answer": "The tower of granite.", "docs": DOCS, "length": 8000})
    put_rows(tmp_path, "Data/qmsum", {"question": "What of the boat?", "answer": "The Plover.", "docs": DOCS})
    put_rows(
        tmp_path, "Data/dialsim", {"question": "Who?", "answer": "Penny", "docs": DOCS, "role": "Sheldon"}
    )
    (report,) = samples("l-citeeval/length-gov-report", tmp_path)
    assert report.question.endswith("\n\nSummary:")
    assert the("l-citeeval/length-gov-report").score("The tower of granite [1].", report)[
        "correct"
    ] == pytest.approx(1)
    (meeting,) = samples("l-citeeval/qmsum", tmp_path)
    assert meeting.question.endswith("\n\nQuery: What of the boat?\nSummary:")
    (series,) = samples("l-citeeval/dialsim", tmp_path)
    assert "Conversation [2]: " in series.context
    assert series.question.startswith("\n\nYou are Sheldon, ")
    assert "at least one conversation and at most three" in series.question


def test_one_needle(tmp_path: Path) -> None:
    answer = "Marta Ilvane is the principal keeper"
    put_rows(
        tmp_path, "Data/niah", {"question": "Who?", "answer": answer, "docs": [*DOCS, f"Again: {answer}."]}
    )
    task = the("l-citeeval/niah")
    (sample,) = samples("l-citeeval/niah", tmp_path)
    right = task.score(f"{answer} [2].\nBut [1].", sample)
    assert right == {"score": 1, "recall": 1, "precision": 1, "citations": 1, "correct": 1}
    two = task.score("Marta Ilvane [1][2]", sample)
    assert two == pytest.approx(
        {"score": 2 / 3, "recall": 1, "precision": 1 / 2, "citations": 2, "correct": 2 / 6}
    )
    assert task.score(f"{answer} [4]", sample)["score"] == 0
    assert task.score(f"{answer} [1][3][4][2]", sample)["score"] == 0


def test_counts(tmp_path: Path) -> None:
    counted = [f"Prose. The little penguin counted {count} ★ More prose." for count in (83, 14)]
    put_rows(
        tmp_path,
        "Data/counting_stars",
        {"answer": [83, 14], "docs": [DOCS[0], counted[0], DOCS[0], counted[1]]},
    )
    task = the("l-citeeval/counting-stars")
    (sample,) = samples("l-citeeval/counting-stars", tmp_path)
    assert sample.references == ("83", "14")
    right = task.score('So: {"little_penguin": [83, 14], "passage_id": [2, 4]}', sample)
    assert right == {"score": 1, "recall": 1, "precision": 1, "citations": 2, "correct": 1}
    half = task.score('{"little_penguin": [83, 1, 14], "passage_id": [4, 1, 4, 3]}', sample)
    assert half == pytest.approx(
        {"score": 0.4, "recall": 1 / 2, "precision": 1 / 3, "citations": 3, "correct": 1 / 2}
    )
    for said in ("", "{", "{}", "[]", '{"passage_id": 2}', '{"passage_id": ["2"]}', "{" * 5000 + "}"):
        assert task.score(said, sample)["score"] == 0
    put_rows(tmp_path, "Data/counting_stars", {"answer": [], "docs": DOCS})
    with pytest.raises(TaskError, match="no passage has a count"):
        samples("l-citeeval/counting-stars", tmp_path)

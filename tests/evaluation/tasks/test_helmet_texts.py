"""HELMET's questions on books and its summaries, on small files in the layout of the hub."""

import re
from dataclasses import replace
from pathlib import Path

from datasets import Dataset
from laid_out import put, samples, the


def question_on(text: str, question: str, *answers: str) -> dict:
    return {
        "document": {"id": text[:6], "text": text},
        "question": {"text": question},
        "answers": [{"text": each} for each in answers],
    }


def test_questions_on_books_follow_two_of_training(tmp_path: Path) -> None:
    letter = question_on("The keeper hid it.", "Who hid the letter?", "The keeper", "A keeper of the light")
    put(tmp_path, "narrativeqa/test.jsonl", [letter])
    put(tmp_path, "narrativeqa/train.jsonl", [question_on("", f"Q{n}?", f"A{n}", "no") for n in range(3)])
    task = the("helmet/longqa-narrativeqa")
    (story,) = samples(task.name, tmp_path)
    before, _, after = story.context.partition("\n\nFor example:\n\n")
    assert before == vars(task)["instruction"]
    found = re.fullmatch(
        r"Question: Q(.)\?\nAnswer: A(.)\n\nQuestion: Q(.)\?\nAnswer: A(.)\n\n"
        r"Now, use the following story to answer the question:\n\nThe keeper hid it\.",
        after,
    )
    assert found is not None
    assert (found[1], found[3]) == (found[2], found[4])
    assert found[1] != found[3]
    assert (story.question, story.prefix) == ("\n\nQuestion: Who hid the letter?", "")
    assert task.score("the keeper", story) == {"score": 1, "f1": 1}
    assert task.score("nobody", story)["score"] == 0
    assert story.cluster == "The ke"


def novels(data: Path) -> list[dict]:
    rows = [
        {
            "id": number,
            "context": f"Novel {number % 2}.",
            "input": f"Who {number}?",
            "answer": [f"Ada {number}", "She"],
            "options": [f"Ada {number}", "Bo", "Cy", "Di"],
        }
        for number in range(9)
    ]
    put(data, "infinitebench/longbook_qa_eng.jsonl", rows)
    put(data, "infinitebench/longbook_choice_eng.jsonl", rows)
    put(data, "infinitebench/longbook_sum_eng.jsonl", rows)
    return rows


def test_novels_follow_the_two_others_that_the_papers_own_library_shuffles_to_the_front(
    tmp_path: Path,
) -> None:
    rows = Dataset.from_list(novels(tmp_path))
    written = {
        "helmet/longqa-infbench-qa": "Question: {input}\nAnswer: {answer[0]}",
        "helmet/longqa-infbench-choice": "Question: {input}\nOptions:\n"
        "A. {options[0]}\nB. {options[1]}\nC. {options[2]}\nD. {options[3]}\nAnswer: A",
        "helmet/summ-infbench": "Summary: {answer[0]}",
    }
    for name, example in written.items():
        found = samples(name, tmp_path)
        assert len({sample.cluster for sample in found}) == 2
        for number, sample in enumerate(found):
            others = (
                rows.filter(lambda row, number=number: row["id"] != number).shuffle(seed=42).select(range(2))
            )
            shown = "\n\n".join(f"[story text]\n{example.format(**each)}" for each in others)
            assert sample.context == (
                f"{vars(the(name))['instruction']}\n\nFor example:\n\n{shown}\n\n"
                f"Now, read the following story:\n\nNovel {number % 2}."
            )
            assert sample.prefix == ""


def test_questions_on_novels(tmp_path: Path) -> None:
    novels(tmp_path)
    asked = samples("helmet/longqa-infbench-qa", tmp_path)[0]
    assert the("helmet/longqa-infbench-qa").score(" Ada 0", asked)["score"] == 1
    assert the("helmet/longqa-infbench-qa").score("Well. Answer: she\nor not", asked)["score"] == 1
    chosen = samples("helmet/longqa-infbench-choice", tmp_path)[0]
    assert chosen.question == "\n\nQuestion: Who 0?\nOptions:\nA. Ada 0\nB. Bo\nC. Cy\nD. Di"
    assert chosen.references == ("A. Ada 0",)
    task = the("helmet/longqa-infbench-choice")
    assert [task.score(said, chosen)["score"] for said in (" A", "A. Ada 0", " B. Bo", "B")] == [1, 1, 0, 0]
    said = ("The answer is A", "A or C", "I take A. Ada 0", "Answer: A")
    assert [task.score(each, chosen)["score"] for each in said] == [0, 0, 1, 1], "as published"
    assert task.score("", chosen)["score"] == 1, "as published: A is an article, of which nothing is left"
    assert task.score("", replace(chosen, references=("B. Bo",)))["score"] == 0


def test_summaries(tmp_path: Path) -> None:
    novels(tmp_path)
    lawsuits = [
        {"sources": ["One.", "Two."], "summary/short": "He walked out."},
        {"sources": ["Three."], "summary/short": None},
    ]
    put(tmp_path, "multi_lexsum/validation.jsonl", lawsuits)
    shown = [{"sources": [], "summary/short": each} for each in ("They won.", None, "They lost.")]
    put(tmp_path, "multi_lexsum/train.jsonl", shown)
    novel = samples("helmet/summ-infbench", tmp_path)[3]
    assert novel.question == "\n\nNow summarize the book."
    assert the("helmet/summ-infbench").score("Ada 3", novel) == {"score": 1, "rouge-1": 1, "rouge-2": 1}
    (lawsuit,) = samples("helmet/summ-multi-lexsum", tmp_path)
    examples = re.search(
        r"case\.\n\nExample summaries:\n\n(.*)\n\n(.*)\n\nNow, write a summary of the following legal documents\.\n"
        r"Legal documents:\nOne\.\n\nTwo\.$",
        lawsuit.context,
    )
    assert examples is not None
    assert {examples[1], examples[2]} == {"Summary: They won.", "Summary: They lost."}
    task = the("helmet/summ-multi-lexsum")
    assert task.score("She won.", lawsuit)["score"] == 0
    assert task.score("Well.\nSummary: He walks out", lawsuit)["score"] == 1, "by stems, behind Summary:"

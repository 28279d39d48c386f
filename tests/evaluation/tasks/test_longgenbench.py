"""Many questions in one prompt."""

import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.longgenbench import TASKS
from longspan.evaluation.tasks.longgenbench.sequence import EXAMPLES, answers
from longspan.evaluation.tasks.longgenbench.word_problems import word_problems
from wordcount import words

ARITHMETIC, GSM8K = TASKS


def request(length: int, seed: int = 0, data: Path | None = None) -> Request:
    return Request(
        length=length,
        seed=seed,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One."),
        data=data,
    )


def answer(sample: Sample, wrong: int = 0) -> str:
    """Right answers to all but the first `wrong` questions."""
    first = len(EXAMPLES) + 1
    return "\n\n".join(
        f"Answer_{number}:\n3 + 4 = 7.\nThe answer is {gold if number - first >= wrong else int(gold) + 1}."
        for number, gold in enumerate(sample.references, first)
    )


def test_right_wrong_and_missing_answers() -> None:
    sample = next(ARITHMETIC.samples(request(4_096)))
    count = len(sample.references)
    assert ARITHMETIC.score(answer(sample), sample) == {"score": 1, "answered": 1}
    assert ARITHMETIC.score("", sample) == {"score": 0, "answered": 0}
    scores = ARITHMETIC.score(answer(sample, wrong=3), sample)
    assert scores["score"] == pytest.approx((count - 3) / count)
    cut = answer(sample).split(f"Answer_{len(EXAMPLES) + 6}:")[0]
    assert ARITHMETIC.score(cut, sample) == {
        "score": pytest.approx(5 / count),
        "answered": pytest.approx(5 / count),
    }


def test_the_last_number_counts() -> None:
    text = "Answer_4: 3 * 4 = 12, so the answer is $1,200.00.\n**Answer 5:** none\nAnswer_6: .5\nAnswer_4: 9"
    assert answers(text) == {4: 1200, 6: 0.5}


def test_every_question_stands_in_the_prompt_with_its_number() -> None:
    sample = next(ARITHMETIC.samples(request(8_192)))
    last = len(EXAMPLES) + len(sample.references)
    labels = re.findall(r"^Question_(\d+):$", sample.context, re.MULTILINE)
    assert list(map(int, labels)) == list(range(1, last + 1))[: len(EXAMPLES)] + list(
        range(len(EXAMPLES) + 1, last + 1)
    )
    assert f"Answer_{last}" in sample.question
    assert answers(sample.context).keys() == set(
        range(1, len(EXAMPLES) + 1)
    )  # only the examples are answered


def test_the_length_is_used_up_and_more_of_it_brings_more_questions() -> None:
    counts = []
    for length in (2_048, 8_192, 32_768):
        asked = request(length)
        sample = next(ARITHMETIC.samples(asked))
        assert asked.prompt_tokens(sample) + sample.facts["max_new_tokens"] == length
        counts.append(len(sample.references))
    assert counts[0] * 4 < counts[1]
    assert counts[1] * 4 <= counts[2] <= counts[1] * 5


def test_samples_are_the_same_however_many_are_taken_and_differ_by_seed() -> None:
    few = list(islice(ARITHMETIC.samples(request(2_048)), 2))
    assert few == list(islice(ARITHMETIC.samples(request(2_048)), 4))[:2]
    assert few[0] != few[1]
    assert few[0] != next(ARITHMETIC.samples(request(2_048, seed=1)))


def test_each_generated_step_is_right_and_leads_to_the_answer() -> None:
    for _, solution in islice(word_problems(Random(0)), 300):
        equations = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", solution)
        for one, operation, other, result in equations:
            left, right = int(one), int(other)
            assert {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[
                operation
            ] == int(result)
        assert solution.endswith(f"The answer is {equations[-1][3]}.")
        assert int(equations[-1][3]) >= 0


def test_gsm8k(shared_data: Path) -> None:
    asked = request(8_192, data=shared_data)
    sample = next(GSM8K.samples(asked))
    assert GSM8K.score(answer(sample), sample)["score"] == 1
    assert "<<" not in sample.context
    assert asked.prompt_tokens(sample) + sample.facts["max_new_tokens"] == 8_192
    assert sample != next(GSM8K.samples(request(8_192, seed=1, data=shared_data)))


def gsm8k(folder: Path, *lines: str) -> Path:
    (folder / "gsm8k").mkdir()
    (folder / "gsm8k" / "test.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


def test_more_questions_than_there_are_is_an_error(tmp_path: Path) -> None:
    data = gsm8k(tmp_path, *['{"question": "1 and 1?", "answer": "It is <<1+1=2>>2.\\n#### 2"}'] * 40)
    with pytest.raises(TaskError, match=r"longgenbench/gsm8k has 40 questions .*longgenbench/arithmetic"):
        next(GSM8K.samples(request(8_192, data=data)))
    sample = next(GSM8K.samples(request(800, data=data)))
    assert 1 <= len(sample.references) <= 40


def test_a_row_of_another_form_is_an_error(tmp_path: Path) -> None:
    data = gsm8k(tmp_path, '{"question": "1 and 1?", "answer": "2"}')
    with pytest.raises(TaskError, match="####"):
        next(GSM8K.samples(request(8_192, data=data)))

"""L-Eval's scores, by hand."""

import pytest

from longspan.evaluation.metrics.leval import (
    choice,
    choices,
    code_output,
    contained,
    number,
    rouge_mean,
    truth,
)


@pytest.mark.parametrize(
    ("output", "reference", "score"),
    [
        ("B", "B", 1),
        ("(B) because the rain stopped", "(B) the rain stopped", 1),
        ("option b, so B.", "B", 1),
        ("C or B", "B", 0),
        ("BC", "B", 0),
        (" ", "A", 0),
        ("", "A", 0),
        ("no idea", "A", 1),
        ("no idea", "B", 0),
        ("BC", "BC", 1),
    ],
)
def test_choice(output: str, reference: str, score: float) -> None:
    assert choice(output, reference) == score


@pytest.mark.parametrize(
    ("output", "reference", "score"),
    [
        ("BD", "BD", 1),
        ("DB", "BD", 1),
        ("B. D.", "BD", 1),
        ("B", "BD", 0.25),
        ("BC", "BD", 0),
        ("ABCD", "BD", 0),
        ("C. because it is\nQuestion 2. A.", "C", 1),
        ("the answer is AC", "AC", 1),
        ("none of these", "BD", 0),
        ("none of these", "AD", 0.25),
        ("it is DB", "BD", 0.25),
        (" B", "B", 1),
    ],
)
def test_choices(output: str, reference: str, score: float) -> None:
    assert choices(output, reference) == score


def test_number() -> None:
    assert number("3 ducks lay 5. The answer is $1,234.50.", "1234") == 1
    assert number("so 4 and 18 eggs\n\nQuestion: 7", "18") == 1
    assert number("The answer is 17", "18") == 0
    assert number("many", "18") == 0
    assert number("x 4\nthen 18", "418") == 0
    assert number("so\n4 18", "18") == 1
    assert number("1" * 5000, "18") == 0


def test_code_output() -> None:
    assert code_output("So the final output is [1, 2, 3] as shown above", "[1, 2, 3]") == 1
    assert code_output("First 7, then at the end we get 12.0", "12") == 1
    assert code_output("12 came first " + "and then " * 8 + "nothing", "12") == 0
    assert code_output("Therefore, the final output is 1048576.", "4") == 0, "a number is no part of a number"


def test_contained_and_truth() -> None:
    assert contained("The topic is: The Role of  Art.", "role of art") == 1
    assert contained("music", "role of art") == 0
    assert contained("40", "4") == 0
    assert contained("4.0", "4") == 1
    assert truth("I think it is True, not false.", "True [fact: False]") == 1
    assert truth("False", "True [fact: False]") == 0
    assert truth("maybe", "False [fact: False]") == 0


def test_rouge_mean_is_the_geometric_mean() -> None:
    found = rouge_mean("the cat lay on the mat", "the cat sat on the mat")
    assert (found["rouge_1"], found["rouge_2"], found["rouge_l"]) == pytest.approx((5 / 6, 3 / 5, 5 / 6))
    assert found["score"] == pytest.approx((5 / 6 * 3 / 5 * 5 / 6) ** (1 / 3))
    assert rouge_mean("dog", "cat")["score"] == 0

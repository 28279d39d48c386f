"""Answers that mean the same are the same."""

import pytest

from longspan.reasoning.answers import final_answer


@pytest.mark.parametrize(
    ("text", "kind", "answer"),
    [
        ("So 16 - 7 = 9, and 9 * 2 = 18.\nAnswer: $18.00", "number", "18"),
        ("The total is \\boxed{1{,}2} or rather \\boxed{1,234.50} m", "number", "1234.5"),
        ("… she has 5 left.\n#### -3", "number", "-3"),
        ("First 4, then 12 apples.", "number", "12"),
        ("The answer is twelve.", "number", None),
        ("**Final Answer:** −０.50", "number", "-0.5"),
        ("Answer: 0.0", "number", "0"),
        ("Final Answer: 2 + 0.5 = 2.5 bolts", "number", "2.5"),
        ("from 3-5 it is .5", "number", "0.5"),
        ("The answer is (B), since A is wrong.", "choice", "B"),
        ("I think so. A train is fast.\n(C)", "choice", "C"),
        ("I think that a lot. A train is fast.", "choice", None),
        ("Answer: **Paris**.", "auto", "paris"),
        ("the answer is The  Paris!", "text", "paris"),
        ("Answer: 2/3", "auto", "2/3"),
        ("Answer: $1,000.", "auto", "1000"),
        ("Answer: b", "auto", "b"),
        ("Answer: (B)", "auto", "B"),
        ("Answer: 18\nAnswer: 20", "auto", "20"),
        ("Answer:", "auto", None),
        ("Answer:\n42", "auto", "42"),
        ("\\boxed{unclosed", "auto", None),
        ("答案是：北京。", "auto", "北京"),
        ("It rains.", "auto", None),
        ("", "number", None),
    ],
)
def test_the_last_announced_answer_counts(text, kind, answer):
    assert final_answer(text, kind) == answer

"""Which function an answer repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.metrics.code import first_function
from longspan.evaluation.metrics.repoqa import best_match, function_of, similarity

ADD = "def add(self, other):\n    result = self.value + other.value\n    return Number(result)"
SUB = "def sub(self, other):\n    result = self.value - other.value\n    return Number(result)"
LOAD = "def load(path):\n    with open(path) as file:\n        return json.load(file)"

FUNCTIONS = {
    "python": ("import x\n@y\n", "def a(b):\n    def c(): pass\n    return b", "\nd = 1"),
    "cpp": ("void A::b() {}\n", "int c(int d) { return d; }", "\nint e;"),
    "java": ("class A { int b; ", "public int c() { return 1; }", " }"),
    "rust": ("impl A { ", "fn b(&self) -> i32 { 1 }", " }"),
    "typescript": ("const a = () => 1;\nexport ", "function b(c: number) { return c }", ";"),
}


@pytest.mark.parametrize("language", FUNCTIONS)
def test_the_first_function_of_a_piece_of_code(language: str) -> None:
    before, function, after = FUNCTIONS[language]
    assert first_function(before + function + after, language) == function
    assert first_function(before, language) is None
    assert first_function("ä \ud800 (", language) is None


def test_the_function_of_an_answer() -> None:
    said = f"Here it is:\n```python\nimport json\n{ADD}\nprint(add(1, 2))\n```\nor\n```\n{SUB}\n```"
    assert function_of(said, "python") == ADD
    assert function_of(f"```\nx = 1\n```\n```\n{SUB}\n```", "python") == SUB, "the first block that has one"
    assert function_of("```\nx = 1\n```\n```\ny\n```", "python") == "x = 1\n"
    assert function_of(f"\n{ADD}\n1\n", "python") == f"{ADD}\n1", "without a block all of it"
    assert function_of("```python\n" + ADD, "python") == "```python\n" + ADD
    assert function_of(f"```c++\n{ADD}\n```", "cpp") == f"```c++\n{ADD}\n```", "no word, as published"


def test_the_most_alike_of_several() -> None:
    functions = [LOAD, ADD, SUB]
    assert best_match(f"```\n{SUB}\n```", functions, "python") == (2, pytest.approx(1))
    number, alike = best_match(ADD.replace("result", "total"), functions, "python")
    assert number == 1
    assert 0.3 < alike < 0.8
    assert best_match("", functions, "python") == best_match(ADD, [], "python") == (None, 0)
    assert best_match(ADD, [SUB, ADD, ADD], "python").number == 1, "the first of equal ones"


def test_bleu_by_hand() -> None:
    # Of 5 words 4 stand in the other text; runs of two, three and four: 3 of 4, 2 of 3, 1 of 2.
    assert similarity("a b  c\nd e", "a b c d f") == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert similarity("a b c d", "a b c d e f") == pytest.approx(2.718281828459045 ** (1 - 6 / 4))


@given(st.lists(st.sampled_from(["x", "y = 1", "return z"]), min_size=4))
def test_the_same_code_is_entirely_alike_however_it_is_indented(lines: list[str]) -> None:
    assert similarity("\n".join(lines), "\n    ".join(lines)) == pytest.approx(1)

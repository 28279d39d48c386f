"""Programs in replies: between fences of any kind, closed or not, and what is none."""

import pytest

from longspan.flows.fences import assigned, programs

CODE = "x = 1\nprint(x)"


@pytest.mark.parametrize(
    "said",
    [
        f"I look.\n```python\n{CODE}\n```\nThen I go on.",
        f"```py\n{CODE}\n```",
        f"```repl\n{CODE}\n```",
        f"```Python3\n{CODE}\n```",
        f"```\n{CODE}\n```",
        f"```{{.python}}\n{CODE}\n```",
        f"~~~python\n{CODE}\n~~~",
        f"````python\n{CODE}\n````",
        f"  ```python\n{CODE}\n  ```",
        f"```python\r\n{CODE}\r\n```".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"```python\n{CODE}```",
        f"```python\n{CODE}",
        CODE,
    ],
)
def test_a_program_is_found_however_it_is_fenced(said):
    (code,) = programs(said).codes
    assert code.strip() == CODE


def test_fences_in_texts_of_a_program_do_not_end_it():
    code = 'text = """\n```json\n{}\n```\n"""\nprint(text)'
    assert programs(f"```python\n{code}\n```\nwords\n```python\nprint(2)\n```").codes == (
        code + "\n",
        "print(2)\n",
    )
    line = "fence = '```'\nprint(fence)"
    assert programs(f"```python\n{line}\n```").codes == (line + "\n",)


def test_a_program_that_cannot_be_parsed_ends_at_its_fence():
    assert programs("```python\nprint(\n```\nwords\n```python\nprint(2)\n```").codes == (
        "print(\n",
        "print(2)\n",
    )
    assert programs("```python\nprint(").codes == ()


@pytest.mark.parametrize(
    "said", ["", "Paris", "I do not know.", "The answer is 3.", "```", "``` ```", "print", "\0", "(" * 9999]
)
def test_words_are_no_program(said):
    assert programs(said).codes == ()


def test_blocks_of_other_languages_are_named():
    found = programs("```bash\nls\n```\n```json\n{}\n```\nx = 1")
    assert (found.codes, found.others) == ((), ("bash", "json"))


def test_names_that_a_program_binds():
    code = "import re\na, (b, *c) = 1, (2, 3)\nfor d in []: e = 1\ndef f(): pass\nx.y = 1\nwith o as g: pass"
    assert sorted(assigned(code)) == ["a", "b", "c", "d", "e", "f", "g"]
    assert assigned("def f(:") == []

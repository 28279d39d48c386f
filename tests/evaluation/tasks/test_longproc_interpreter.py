"""The interpreter agrees with Python on the part it knows, and ends soon on whatever else a model writes."""

import contextlib
import io
import socket
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.evaluation.tasks.longproc.interpreter import Program, ProgramError
from longspan.evaluation.tasks.longproc.program import _program
from timing import processor_seconds


def printed(text: str, steps: int = 10_000, **variables: int) -> list[str]:
    return Program(text).run(variables, steps)[0]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 60), st.tuples(*[st.integers(0, 99)] * 3))
def test_our_programs_print_what_python_prints(seed: int, parts: int, inputs: tuple[int, int, int]) -> None:
    code = "\n".join(_program(Random(seed), parts)[1])
    variables = dict(zip("abc", inputs, strict=True))
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, dict(variables))  # noqa: S102 - a program of our own generator
    assert printed(code, steps=1_000_000, **variables) == output.getvalue().splitlines()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("print(-7 // 2, -7 % 3, 2 * 3 - 1)", ["-4 2 5"]),
        ("print(0 or 7, 3 and 4, 0 and 1 // 0, not 3)", ["7 4 0 False"]),
        ("print(1 < 2 < 3, 1 < 2 > 2, 2 != 2)", ["True False False"]),
        ("x, y = 1, 2\nx, y = y, x\nprint(x, y)", ["2 1"]),
        ("x = [3, 4]\nx[0] += 2\nx.append(9)\nprint(x, len(x), x[-1])", ["[5, 4, 9] 3 9"]),
        ("x = [0] * 3\ny = x\ny[1] = 5\nprint(x)", ["[0, 5, 0]"]),
        ("for i in range(5, 0, -2):\n    print('i', i)", ["i 5", "i 3", "i 1"]),
        ("for i in range(9):\n  if i % 2:\n    continue\n  if i > 4:\n    break\n  print(i)", ["0", "2", "4"]),
        ("while a > 1:\n    a //= 2\nelse_ = a\nprint(else_)", ["1"]),
        ("if a == 1:\n    print(1)\nelif a == 9:\n    print(9)\nelse:\n    print(0)", ["9"]),
        ("# a comment (\n\n'''text'''\nprint()", [""]),
        ("total = 0\nfor each in [1, 2,\n             3]:\n    total += each\nprint(total)", ["6"]),
    ],
)  # fmt: skip
def test_by_hand(text: str, lines: list[str]) -> None:
    assert printed(text, a=9) == lines
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(text, {"a": 9})  # noqa: S102 - the literals above
    assert output.getvalue().splitlines() == lines


ESCAPES = {
    "import": "import os\nos.system('touch escaped')",
    "from": "from pathlib import Path",
    "call import": "__import__('os').system('touch escaped')",
    "read a file": "print(open('/etc/passwd').read())",
    "home folder": "x = open('~/.ssh/id_rsa')",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "eval": "eval('1')",
    "exec": "exec('x = 1')",
    "subclasses": "print(().__class__.__bases__[0].__subclasses__())",
    "attribute": "print((1).bit_length)",
    "format": "print('{0.__class__}'.format(1))",
    "formatted": "print(f'{__import__(\"os\")}')",
    "builtins": "print(__builtins__)",
    "lambda": "x = (lambda: 1)()",
    "comprehension": "x = [i for i in range(9)]",
    "function": "def f():\n    f()\nf()",
    "class": "class A:\n    pass",
    "try": "try:\n    x = 1\nexcept BaseException:\n    pass",
    "global": "global x",
    "with": "with a:\n    pass",
    "del": "del a",
    "assert": "assert a",
    "decorated": "@a\ndef f():\n    pass",
    "walrus": "print((y := 5))",
    "print to a file": "print(1, file=a)",
    "append keyword": "x = []\nx.append(object=1)",
    "text arithmetic": "x = 'a' * 10",
    "list of lists": "x = [[1]]",
    "unknown name": "print(zzz)",
    "break outside": "break",
    "no python": "This is prose.",
    "null": "x = 1\0",
    "surrogate": "x = '\ud800'",
    "tabs": "if 1:\n\tx = 1\n        y = 2",
}

FLOODS = {
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "endless loop": "while True:\n    x = 1",
    "endless pass": "while 1:\n    pass",
    "endless append": "x = [1]\nfor i in x:\n    x.append(1)",
    "long range": "for i in range(1000000000000):\n    pass",
    "long output": "while True:\n    print('" + "a" * 100_000 + "')",
    "much output": "while True:\n    print(1)",
    "power": "x = 10 ** 10 ** 10",
    "shift": "x = 1 << 999999999",
    "squares": "x = 10\nwhile True:\n    x = x * x",
    "long list": "x = [0] * 1000000000",
    "many lists": "\n".join(f"x{number} = [0] * 10000" for number in range(5_000)),
    "long number": "x = " + "9" * 1_000_000,
    "long hexadecimal": "x = 0x" + "f" * 1_000_000,
    "brackets": "x = " + "(" * 50_000 + "1" + ")" * 50_000,
    "lists in lists": "x = " + "[" * 50_000 + "]" * 50_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "nots": "x = " + "not " * 100_000 + "1",
    "sum": "x = " + "1 + " * 100_000 + "1",
    "sum over lines": "x = (" + "1 +\n" * 100_000 + "1)",
    "continued lines": "x = 1 + \\\n" * 50_000 + "1",
    "elif": "if 1:\n    pass\n" + "elif 1:\n    pass\n" * 50_000,
    "indentation": "".join(" " * depth + "while 1:\n" for depth in range(1_000)) + " " * 1_000 + "x = 1",
    "formatted": 'x = f"{' + "-" * 100_000 + '1}"',
    "statements": "x = 1;" * 100_000,
    "too long": "x = 1\n" * 1_000_000,
}


@pytest.mark.parametrize("text", [*ESCAPES.values(), *FLOODS.values()], ids=[*ESCAPES, *FLOODS])
def test_whatever_else_is_refused_at_once(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def touched(*args: object, **keywords: object) -> None:
        raise AssertionError("something was executed")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.system", touched)
    monkeypatch.setattr("os.fork", touched)
    monkeypatch.setattr("builtins.open", touched)
    monkeypatch.setattr("builtins.exec", touched)
    monkeypatch.setattr("builtins.eval", touched)
    monkeypatch.setattr(socket, "create_connection", touched)
    monkeypatch.setattr(subprocess, "Popen", touched)

    def refused() -> None:
        with pytest.raises(ProgramError):
            printed(text, steps=100_000)

    assert processor_seconds(refused) < 5
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().out == ""


@settings(max_examples=200)
@given(st.text(st.sampled_from("ab=[]()*+-:\n 019'\"\\#,{}\t<ifwhleprnt"), max_size=200))
def test_any_text_ends_in_lines_or_in_a_program_error(text: str) -> None:
    with contextlib.suppress(ProgramError):
        assert all(isinstance(line, str) for line in printed(text, steps=1_000, a=1, b=2))


def test_steps_are_counted_and_bounded() -> None:
    program = Program("for i in range(10):\n    x = i")
    _, steps = program.run({}, 1_000)
    assert program.run({}, steps) == ([], steps)
    with pytest.raises(ProgramError, match="too many steps"):
        program.run({}, steps - 1)


def test_a_run_leaves_nothing_for_the_next() -> None:
    program = Program("x = a\nprint(x)")
    assert [program.run({"a": number}, 100)[0] for number in (1, 2)] == [["1"], ["2"]]
    variables = {"a": 1}
    Program("a = 5").run(variables, 100)
    assert variables == {"a": 1}

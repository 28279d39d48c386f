"""The contract of sandboxes, on each that runs here."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.errors import SandboxError
from longspan.sandbox import KINDS, CallFailed, Function, Limits, Sandbox, open_sandbox
from longspan.sandbox.shown import Shown
from longspan.sandbox.values import CHARACTERS, NotPlain, plain

TEXT = Function(call=lambda text, times=1: text * times, takes={"text": "text", "times": "whole"}, needs=1)
TEXTS = Function(call=lambda texts: [text.upper() for text in texts], takes={"texts": "texts"}, needs=1)
EACH = pytest.mark.parametrize("kind", list(KINDS))


def fail():
    raise CallFailed("the model is away")


def opened(kind, **changes) -> Sandbox:
    options = {"memory": 64 << 20, "seconds": 5.0} | changes.pop("limits", {})
    functions = {"echo": TEXT, "upper": TEXTS, "fail": Function(call=fail)} | changes.pop("functions", {})
    try:
        return open_sandbox({"context": "abc " * 1000, **changes}, functions, Limits(**options), kind)
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def shared():
    """A sandbox of each kind for tests that leave it alive."""
    held = {}

    def get(kind):
        held[kind] = held.get(kind) or opened(kind)
        return held[kind]

    yield get
    for each in held.values():
        each.close()


@EACH
def test_variables_stay_and_what_is_given_is_bound_anew(kind, shared):
    sandbox = shared(kind)
    assert sandbox.run("kept = len(context)\nkept").value == 4000
    assert sandbox.run("kept + 1").value == 4001
    poisoned = sandbox.run("context = 'poison'\necho = upper = lambda *a: 'fake'\necho('x')")
    assert poisoned.value == "fake"
    assert sandbox.run("[len(context), echo('x'), upper(['y'])]").value == [4000, "x", ["Y"]]
    assert sandbox.run("import json, re\njson.dumps = re.search = None").why in ("done", "raised")
    assert sandbox.run("echo('x', times=2)").value == "xx"
    sandbox.give("history", ["a"])
    assert sandbox.run("history.append('b')\nhistory").value == ["a", "b"]
    sandbox.give("history", ["c"])
    assert sandbox.run("history").value == ["c"]
    sandbox.close()
    assert sandbox.run("history").value == ["c"]


@EACH
@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("echo()", "TypeError: echo: needs text"),
        ("echo(3)", "TypeError: echo: text is no text"),
        ("echo(['a'])", "TypeError: echo: text is no text"),
        ("echo('a', 'b')", "TypeError: echo: times is no whole number"),
        ("echo('a', True)", "TypeError: echo: times is no whole number"),
        ("echo('a', 10**40)", "TypeError: echo: times is no whole number"),
        ("echo('a', 1, 2)", "TypeError: echo: takes 2 arguments, 3 were given"),
        ("echo('a', text='b')", "TypeError: echo: takes no further argument 'text'"),
        ("echo('a', model='b')", "TypeError: echo: has no such argument"),
        ("upper('ab')", "TypeError: upper: texts is no list of texts"),
        ("upper(['a', 1])", "TypeError: upper: texts is no list of texts"),
        ("upper([['a']])", "TypeError: upper: texts is no list of texts"),
        ("echo('x' * 3_000_000)", "ValueError: echo: arguments have 3,000,001 characters"),
        ("upper(['x' * 1_000_000] * 3)", "ValueError: upper: arguments have 3,000,003 characters"),
        ("fail()", "RuntimeError: fail failed: the model is away"),
        ("nobody('x')", "NameError: name 'nobody' is not defined"),
    ],
)
def test_what_functions_do_not_take_and_failures_raise_in_the_program(kind, call, error, shared):
    result = shared(kind).run(f"print('before')\n{call}\nprint('after')")
    assert (result.why, result.out) == ("raised", "before\n")
    assert error in result.err
    name = error.partition(":")[0]
    caught = shared(kind).run(f"try:\n    {call}\nexcept {name} as error:\n    print(error)")
    assert caught.why == "done"
    assert caught.out.strip()


@EACH
def test_texts_reach_the_host_and_come_back_as_they_are(kind, shared):
    text = "é 漢字 😀 \u200d \x00 \n ' \" \\ 𝔘"
    assert shared(kind).run(f"echo({text!r})").value == text
    assert shared(kind).run(f"upper([{text!r}, ''])").value == [text.upper(), ""]


@EACH
def test_what_is_no_plain_value_is_no_value(kind, shared):
    sandbox = shared(kind)
    assert sandbox.run("{'a': [1, (2.5, None, True)]}").value == {"a": [1, [2.5, None, True]]}
    for code in (
        "{1: 2}",
        "{1, 2}",
        "float('nan')",
        "10**400",
        "b'x'",
        "print",
        "a = []\na.append(a)\n{'a': a}",
    ):
        assert sandbox.run(code).value in (None, {"a": ["[...]"]}), code
    for depth, found in ((20, True), (40, False)):
        value = sandbox.run(f"deep = []\nfor _ in range({depth}): deep = [deep]\ndeep").value
        assert (value is not None) == found


@EACH
def test_output_is_shown_from_both_ends_with_its_length(kind):
    with opened(kind, limits={"output": 100}) as sandbox:
        assert sandbox.run("for i in range(10): print(i)").out == "".join(f"{i}\n" for i in range(10))
        out = sandbox.run("print('a' * 60)\nprint('b' * 100000)\nprint('c' * 60)").out
        assert out.startswith("a" * 50 + "\n[… the middle of 100,123 characters is left out …]\n")
        assert out.endswith("c" * 40 + "\n")
        assert sandbox.run("print('\\x1b[2J', '\\r\\0')").out == "\\x1b[2J \\r\\x00\n"
        assert "half" in sandbox.run("import sys\nprint('half', file=sys.stderr)\n1/0").out


@EACH
def test_calls_beyond_their_number_raise_and_then_end_the_run(kind):
    with opened(kind, limits={"calls": 3}) as sandbox:
        spent = sandbox.run("for i in range(9):\n    echo('x')\n    print(i)")
        assert (spent.why, spent.out) == ("raised", "0\n1\n2\n")
        assert "RuntimeError: the 3 calls of a run are spent" in spent.err
        assert sandbox.run("echo('again')").value == "again"
        forever = "while True:\n    try:\n        echo('x')\n    except Exception:\n        pass"
        ended = sandbox.run(forever)
        assert (ended.why, ended.lost) == ("calls", True)
        assert sandbox.run("echo('new')").value == "new"


@EACH
def test_a_run_that_is_ended_loses_variables_and_not_the_sandbox(kind):
    with opened(kind, limits={"seconds": 0.2}) as sandbox:
        assert sandbox.run("mine = 1").why == "done"
        began = time.monotonic()
        late = sandbox.run("print('seen')\nwhile True: pass")
        assert 0.2 <= time.monotonic() - began < 1.5
        assert (late.why, late.lost) == ("time", True)
        assert "more than 0.2 seconds" in late.err
        assert late.out.startswith("seen") or kind == "monty"
        again = sandbox.run("mine")
        assert (again.why, again.lost) == ("raised", False)
        assert "NameError" in again.err
        assert sandbox.run("len(context)").value == 4000
        assert sandbox.run("[0] * 10**9").why == "memory"


@EACH
def test_time_in_functions_of_the_host_is_not_the_programs(kind):
    def slow():
        time.sleep(0.5)
        return "done"

    with opened(kind, limits={"seconds": 0.3}, functions={"slow": Function(call=slow)}) as sandbox:
        assert sandbox.run("slow()").value == "done"


@EACH
def test_an_error_of_the_host_goes_through(kind):
    def broken():
        raise LookupError("of the host")

    with opened(kind, functions={"broken": Function(call=broken)}) as sandbox:
        with pytest.raises(LookupError, match="of the host"):
            sandbox.run("try:\n    broken()\nexcept BaseException:\n    pass")
        assert sandbox.run("1 + 1").value == 2


def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@EACH
def test_nothing_is_left_when_it_is_closed(kind):
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    sandbox = opened(kind)
    process = sandbox._session.worker_pid if kind == "monty" else sandbox._process.pid
    sandbox.run("def f(): pass")
    sandbox.close()
    sandbox.close()
    end = time.monotonic() + 5
    while runs(process) and time.monotonic() < end:
        time.sleep(0.01)
    assert not runs(process)
    if before:
        assert set(os.listdir("/proc/self/fd")) <= before


@EACH
def test_many_small_runs_and_a_large_document(kind, shared):
    sandbox = shared(kind)
    began = time.monotonic()
    for number in range(100):
        assert sandbox.run(f"{number}").value == number
    assert time.monotonic() - began < 5
    with opened(kind, context="wörter " * 200_000, limits={"memory": 1 << 24}) as large:
        assert large.run("sum(len(word) for word in context.split())").value == 1_200_000


@EACH
def test_code_that_is_none_is_said(kind, shared):
    sandbox = shared(kind)
    for code in ("def f(:", "x = '", "\0", "\ud800", "(" * 300):
        result = sandbox.run(code)
        assert result.why == "raised", code
        assert result.err
    assert sandbox.run("").why == "done"
    assert sandbox.run("# nothing").value is None


def test_a_kind_that_is_not_there_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydantic_monty", None)
    with pytest.raises(SandboxError, match=r"pip install 'longspan\[sandbox\]'"):
        open_sandbox(kind="monty")
    monkeypatch.setattr("longspan.sandbox.locked.sys.platform", "darwin")
    with pytest.raises(
        SandboxError, match=r"no sandbox runs here: monty: .*; locked: .* needs Linux, this is darwin"
    ):
        open_sandbox()
    with pytest.raises(ValueError, match="sandbox='none' is not one of auto, monty, locked"):
        open_sandbox(kind="none")
    with pytest.raises(ValueError, match="is a variable and a function"):
        open_sandbox({"echo": 1}, {"echo": TEXT})
    with pytest.raises(ValueError, match="'a b' is no name"):
        open_sandbox({"a b": 1})
    with pytest.raises(ValueError, match="seconds=0"):
        Limits(seconds=0)


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30), max_size=20), st.integers(2, 40))
def test_shown_is_all_or_both_ends(pieces, limit):
    shown = Shown(limit)
    for piece in pieces:
        shown.add(piece)
    whole = "".join(pieces)
    if len(whole) <= 2 * (limit // 2):
        assert shown.text.encode("utf-8").decode("unicode_escape", "replace") or not whole
        assert "left out" not in shown.text
        if whole.isalnum():
            assert shown.text == whole
    else:
        assert f"the middle of {len(whole):,} characters" in shown.text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda each: st.lists(each) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), each),
    max_leaves=8,
)


@given(JSON)
def test_plain_values_are_copied(value):
    assert plain(value) == value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        [float("inf")],
        "\ud800",
        {"\ud800": 1},
        1 << 2000,
        "x" * (CHARACTERS + 1),
        b"x",
        {1, 2},
    ],
)
def test_other_values_are_not(value):
    with pytest.raises(NotPlain):
        plain([value])

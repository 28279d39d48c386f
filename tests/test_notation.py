"""The text form of a plan: what it may look like, and where a mistake in it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import PlanError
from longspan.notation import MAX_DEPTH, Call, Word, parse_call, parse_slots, quote


def test_slots_calls_lists_and_texts():
    text = 'a=yarn(factor=4)  b = snapkv ( budget=25%, on=true,\n f=[1, [2], "x y"], g=ada(h=0.2) ) c=int8'
    assert parse_slots(text) == {
        "a": Call("yarn", {"factor": Word("4")}),
        "b": Call(
            "snapkv",
            {
                "budget": Word("25%"),
                "on": Word("true"),
                "f": [Word("1"), [Word("2")], "x y"],
                "g": Call("ada", {"h": Word("0.2")}),
            },
        ),
        "c": Call("int8"),
    }
    assert parse_slots("") == parse_slots(" \n") == {}
    assert parse_slots("a=yarn()") == parse_slots("a=yarn")


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("yarn", "column 5: expected = after yarn, as in positions=yarn, found the end"),
        ("yarn(factor=4)", "column 5: expected = after yarn, as in positions=yarn, found '('"),
        ("a=", "column 3: expected the name of a method, found the end"),
        ("a=yarn(factor=4", "column 16: expected a comma, or ) to close yarn(, found the end"),
        ("a=yarn(", r"column 8: expected parameter=value, or ) to close yarn(, found the end"),
        ("a=yarn(4)", "column 9: expected =, as in yarn(parameter=value), found ')'"),
        ("a=yarn(factor=4))", "column 17: expected slot=method, such as positions=yarn, found ')'"),
        ("a=yarn(factor=[4)", "column 17: expected a comma, or ] to close the list, found ')'"),
        ("a=yarn(factor=)", "column 15: expected a value, found ')'"),
        ("a=yarn(x=1,x=2)", "yarn is given x twice; keep one of them"),
        ("a=yarn a=pi", "the plan names a twice; keep one of them"),
        ('a=yarn(x="4)', 'column 10: " is out of place or never closed; write texts as'),
        ("a=yarn(x='4')", "column 10: ' is out of place or never closed; write texts as"),
        (r'a=yarn(x="\q")', r'"\q" is not a quoted text (Invalid \escape); write backslashes twice'),
        ("a=yarn, b=pi", "column 7: expected slot=method, such as positions=yarn, found ','"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, trouble):
    with pytest.raises(PlanError) as caught:
        parse_slots(text)
    assert trouble in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_call_alone():
    assert parse_call(" snapkv(budget=1) ") == Call("snapkv", {"budget": Word("1")})
    with pytest.raises(PlanError, match="column 8: expected nothing more, found 'b'"):
        parse_call("snapkv b=2")


@pytest.mark.parametrize(("opening", "closing"), [("a(x=", ")"), ("[", "]")])
def test_nesting_is_bounded(opening, closing):
    def nested(depth: int) -> str:
        return f"s=m(x={opening * depth}1{closing * depth})"

    parse_slots(nested(MAX_DEPTH - 2))
    for depth in (MAX_DEPTH, 100_000):
        with pytest.raises(PlanError, match="nested deeper than 8; write it flatter"):
            parse_slots(nested(depth))


@given(st.text())
def test_a_quoted_text_reads_back(text):
    call = parse_call(f"m(x={quote(text)})")
    assert call.parameters["x"] in (text, Word(text))
    assert parse_call(f"m(x={json.dumps(text)})").parameters["x"] == text


@given(st.text(alphabet="ab=()[],\" \\\n'%1.", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        slots = parse_slots(text)
    except PlanError:
        return
    assert all(isinstance(call, Call) for call in slots.values())

"""Calls in what a model says, in each way of writing them, wherever the text is cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from longspan.serving.asked import Function
from longspan.serving.calling.answers import Answer
from longspan.serving.calling.bare import Bare
from longspan.serving.calling.families import calling_of
from longspan.serving.calling.heard import Given, Heard, Named, Said
from longspan.serving.calling.mistral import Mistral
from longspan.serving.calling.pythonic import Pythonic
from longspan.serving.calling.tagged import Tagged

FIELDS = {
    "city": {"type": "string"},
    "days": {"type": "integer"},
    "dry": {"type": "boolean"},
    "at": {"type": ["string", "null"]},
    "far": {"type": "number"},
    "list": {"type": "array"},
    "any": {},
}
FUNCTIONS = {"weather": Function(name="weather", parameters={"type": "object", "properties": FIELDS})}
TAGGED, ELEMENTS, BARE, PYTHON = Tagged(), Tagged(elements=True), Bare(), Pythonic()
LISTED, NAMED = Mistral(), Mistral(named=True)
FAMILIES = [TAGGED, ELEMENTS, BARE, PYTHON, LISTED, NAMED]


def heard(family, text, cuts=(), *, live=False, parallel=True):
    """What comes of a text: texts, and calls as name and arguments."""
    answer = Answer(family, Heard(functions=FUNCTIONS, live=live, parallel=parallel))
    places = [0, *sorted(cuts), len(text)]
    pieces = [piece for start, stop in pairwise(places) for piece in answer.push(text[start:stop])]
    found = []
    for piece in [*pieces, *answer.end()]:
        if isinstance(piece, Named):
            found.append([piece.name, ""])
        elif isinstance(piece, Given):
            found[-1][1] += piece.arguments
        elif found and isinstance(found[-1], str):
            found[-1] += piece.text
        else:
            assert isinstance(piece, Said)
            found.append(piece.text)
    return [each if isinstance(each, str) else tuple(each) for each in found]


def call(**given):
    return "weather", json.dumps(given, ensure_ascii=False)


TEXTS = [
    (TAGGED, '<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź 🙂"}}</tool_call>', [call(city="Łódź 🙂")]),
    (
        TAGGED,
        'I look.\n<tool_call>{"arguments": {"days": 3}, "name": "weather"}</tool_call>\n'
        '<tool_call>\n{"name": "other.one", "parameters": null}</tool_call> Done.',
        ["I look.", call(days=3), ("other.one", "{}"), " Done."],
    ),
    (
        TAGGED,
        '<tool_call>[{"name": "weather", "arguments": {}}, {"name": "b"}]</tool_call>\n',
        [("weather", "{}"), ("b", "{}")],
    ),
    (TAGGED, '<tool_call>{"name":"weather","arguments":"{\\"days\\": 1}"}', [call(days=1)]),
    (
        TAGGED,
        '<tool_call>{"type":"function","function":{"name":"weather","arguments":{"city":"a\nb"}}}</tool_call>',
        [call(city="a\nb")],
    ),
    (
        TAGGED,
        '<tool_call>{"name":"weather","arguments":{"city":"</tool_call> \\" \\\\ \\u0142"}}</tool_call>',
        [call(city='</tool_call> " \\ ł')],
    ),
    (
        ELEMENTS,
        "Now:\n\n<tool_call>\n<function=weather>\n<parameter=city>\n3\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        "<parameter=dry>True</parameter>\n<parameter=at>\nnull\n</parameter>\n<parameter=far>\n-1.5e1\n</parameter>\n"
        "<parameter=list>\n['a', {'b': None}]\n</parameter>\n<parameter=any>\nfree text\n</parameter>\n"
        "<parameter=unknown>\n7\n</parameter>\n</function>\n</tool_call>",
        [
            "Now:",
            call(city="3", days=3, dry=True, at=None, far=-15.0, list=["a", {"b": None}], any="free text", unknown="7"),
        ],
    ),
    (
        ELEMENTS,
        "<function=weather>\n<parameter=city>\n a\n\n<b> & \"\n</parameter>\n</function>"
        "<tool_call><function=f></function></tool_call>",
        [call(city=' a\n\n<b> & "'), ("f", "{}")],
    ),
    (ELEMENTS, "<function=weather><parameter=days>soon</parameter></function>", [call(days="soon")]),
    (ELEMENTS, '<tool_call>{"name": "weather", "arguments": {}}</tool_call>', [call()]),
    (TAGGED, '```json\n{"name": "weather", "arguments": {"days": 1}}\n```\nDone', [call(days=1), "\nDone"]),
    (
        TAGGED,
        ' {"name": "weather", "arguments": {}}\n{"name": "weather", "arguments": {"days": 2}}\n{"x": 1}',
        [call(), call(days=2), '\n{"x": 1}'],
    ),
    (BARE, '{"name": "weather", "parameters": {"city": "Rome"}}', [call(city="Rome")]),
    (
        BARE,
        '\n{"type": "function", "name": "weather", "parameters": {"days": 1}}; {"name": "g", "arguments": {}}',
        [call(days=1), ("g", "{}")],
    ),
    (BARE, 'Yes. <|python_tag|>{"name": "weather", "parameters": {}}', ["Yes.", call()]),
    (PYTHON, "[weather(city='it\\'s \"[x]\"', days=-2, dry=True, at=None), g.h()]", [
        call(city='it\'s "[x]"', days=-2, dry=True, at=None), ("g.h", "{}")]),
    (PYTHON, ' [ weather( list = [1, {"a": [true, null]}] , city="é" ) ]\n', [
        call(list=[1, {"a": [True, None]}], city="é")]),
    (LISTED, '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "]"}}, {"name": "g", "arguments": {}}]', [
        call(city="]"), ("g", "{}")]),
    (NAMED, 'So: [TOOL_CALLS]weather[ARGS]{"days": 2}[TOOL_CALLS]g[CALL_ID]abcdefghi[ARGS]{}', [
        "So:", call(days=2), ("g", "{}")]),
    (NAMED, '[TOOL_CALLS]weather{"days": 2} Fine', [call(days=2), " Fine"]),
]  # fmt: skip


@pytest.mark.parametrize(("family", "text", "found"), TEXTS)
def test_calls_are_read_whole_and_a_character_at_a_time(family, text, found):
    assert heard(family, text) == found
    assert heard(family, text, range(1, len(text))) == found


BROKEN = [
    (TAGGED, '<tool_call>{"name": "weather", "arguments": {"city": oops}}</tool_call> sorry'),
    (TAGGED, 'a  <tool_call>\n{"name": "weather", "arguments": {"city": "'),
    (TAGGED, '<tool_call>{"name": 5, "arguments": {}}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "", "arguments": {}}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "f", "arguments": [1]}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "f", "arguments": "{1"}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "f", "arguments": {"a": NaN}}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "f", "arguments": {"a": 1e999}}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "\\ud800", "arguments": {}}</tool_call>'),
    (TAGGED, '<tool_call>{"name": "f", "arguments": ' + '{"a":' * 40 + "1" + "}" * 40 + "}</tool_call>"),
    (TAGGED, '<tool_call>{"name": "f", "arguments": {"a": ' + "9" * 5000 + "}}</tool_call>"),
    (TAGGED, "<tool_call>f(a=1)</tool_call>"),
    (TAGGED, "a < b <tool_ca <<tool_call"),
    (TAGGED, '{"name": "unknown", "arguments": {}}'),
    (TAGGED, '{"name": "weather", "city": "Rome"}'),
    (TAGGED, ' ```json\n{"name": "Rome"}\n``` '),
    (TAGGED, "`weather` ```python\nweather()\n```"),
    (TAGGED, 'Say {"name": "weather", "arguments": {}}'),
    (TAGGED, "</tool_call> \n "),
    (ELEMENTS, "<tool_call><function=weather><parameter=city>x</function></tool_call>"),
    (ELEMENTS, "<function=we\nather></function>"),
    (ELEMENTS, "<function=" + "x" * 1000 + "></function>"),
    (BARE, '{"city": "Rome", "name": 4}'),
    (BARE, '{"name": "Rome"}'),
    (BARE, "  {} "),
    (BARE, '<|python_tag|>print("x")'),
    (BARE, 'See {"name": "weather", "parameters": {}}'),
    (PYTHON, "[weather(city=x)]"),
    (PYTHON, "[weather('x')]"),
    (PYTHON, "[f(a=1) for f in g]"),
    (PYTHON, "[f(a=__import__('os').system('id'))]"),
    (PYTHON, "[f(a=" + "[" * 5000),
    (PYTHON, "[1, 2]  [f(a=1)]"),
    (LISTED, "[TOOL_CALLS] none"),
    (NAMED, "[TOOL_CALLS]f[ARGS]5"),
    (NAMED, "[TOOL_CALLS]f[ARGS]{"),
    (NAMED, "[TOOL_CALLS][ARGS]{}"),
]


@pytest.mark.parametrize(("family", "text"), BROKEN)
def test_what_is_no_call_is_text_to_the_last_character(family, text):
    assert heard(family, text) == [text]
    assert heard(family, text, range(1, len(text))) == [text]


@pytest.mark.parametrize(("family", "text"), BROKEN)
def test_no_form_makes_a_call_of_an_unknown_function_out_of_it(family, text):
    if "weather" not in text:
        assert heard(family, text, live=True) == [text]


def test_a_broken_call_hides_none_that_follows():
    text = '<tool_call>{"name": f}</tool_call><tool_call>{"name": "g"}</tool_call>'
    assert heard(TAGGED, text) == ['<tool_call>{"name": f}</tool_call>', ("g", "{}")]


WORDS = [
    *("```", "json", "<tool_call>", "</tool_call>", '{"name": "weather", "arguments": {"a": "é\\n"}}'),
    *(
        '{"name": "weather", ',
        '"arguments": ',
        '"parameters": ',
        "<function=f>",
        "</function>",
        "<parameter=city>",
    ),
    *("</parameter>", "[TOOL_CALLS]", "[ARGS]", "weather", "<|python_tag|>", "[f(a='x')]", "f(", "a=1", ")"),
    *("[", "]", "{", "}", '"', "\\", "\\u00", "'", ",", ";", ":", " ", "\n", "x", "🙂"),
]
MIXED = st.lists(st.sampled_from(WORDS), max_size=12).map("".join)


@given(st.sampled_from(FAMILIES), MIXED, st.data(), st.booleans(), st.booleans())
def test_cuts_change_nothing(family, text, data, live, parallel):
    whole = heard(family, text, live=live, parallel=parallel)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert heard(family, text, cuts, live=live, parallel=parallel) == whole
    for each in whole:
        if not isinstance(each, str) and not live:
            assert isinstance(json.loads(each[1]), dict)
    if all(isinstance(each, str) for each in whole):
        assert "".join(whole) == text


@given(st.sampled_from(FAMILIES), st.text(max_size=40))
@example(TAGGED, "<tool_call>\x00")
def test_any_other_text_is_itself(family, text):
    assert "".join(heard(family, text, range(1, len(text)))) == text


@pytest.mark.parametrize("family", [TAGGED, LISTED])
def test_held_calls_are_told_while_they_come(family):
    answer = Answer(family, Heard(functions=FUNCTIONS, live=True))
    begun = {TAGGED: "<tool_call>\n", LISTED: "[TOOL_CALLS]["}[family]
    assert answer.push(begun + '{"name": "weather", "argu') == []
    assert answer.push('ments": {"ci') == [Named("weather"), Given('{"ci')]
    assert answer.push('ty": "Ro') == [Given('ty": "Ro')]
    assert answer.heard.calls == 0
    assert answer.push('me"}}') == [Given('me"}')]
    assert answer.heard.calls == 1


def test_a_held_call_that_breaks_off_is_no_text():
    answer = Answer(TAGGED, Heard(functions=FUNCTIONS, live=True))
    answer.push('<tool_call>\n{"name": "weather", "arguments": {"ci')
    assert answer.end() == []
    assert (answer.heard.calls, answer.heard.open) == (0, False)


@pytest.mark.parametrize(("family", "text", "found"), TEXTS)
def test_where_one_call_is_wanted_nothing_follows_it(family, text, found):
    first = next(number for number, each in enumerate(found) if not isinstance(each, str))
    assert heard(family, text, range(1, len(text)), parallel=False) == found[: first + 1]


TEMPLATES = [
    ("{% for m in messages %}{{ m.content }}{% endfor %}", Tagged(generic=True)),
    ("{% if tools %}{{ tools | tojson }}{% endif %} in some way of its own", Tagged(generic=True)),
    ("{% if tools %}<tools></tools> between <tool_call></tool_call> tags{% endif %}", Tagged()),
    ("{% if tools %}<tool_call>\n<function=f>\n<parameter=a>\n{% endif %}", Tagged(elements=True)),
    ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]", Mistral()),
    ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]f[ARGS]", Mistral(named=True)),
]


@pytest.mark.parametrize(("template", "family"), TEMPLATES)
def test_a_template_says_how_calls_are_written(template, family):
    assert calling_of(template) == family


def test_templates_of_llama_say_it_by_an_example():
    json_one = '{% if tools %}Environment: ipython {"name": function name, "parameters": {}}{% endif %}'
    assert isinstance(calling_of(json_one), Bare)
    assert isinstance(calling_of("{% if tools %}[func_name1(params_name1=value1)]{% endif %}"), Pythonic)


def test_names_of_calls():
    assert len({TAGGED.id for _ in range(50)}) == 50
    assert LISTED.id.isalnum()
    assert len(LISTED.id) == len(LISTED.id_of("call_0123456789")) == 9
    assert LISTED.id_of("abcdefgh9") == "abcdefgh9"
    assert LISTED.id_of("call_1") != LISTED.id_of("call_2")

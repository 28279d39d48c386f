"""A model that is held to calls: whatever it would rather say, they can be read, and are what their schemas say."""

import asyncio
import json

import jsonschema
import pytest

import longspan
from longspan.forms.form import Form
from longspan.serving.admission import Limits
from longspan.serving.asked import Asked, Function, FunctionCall, Turn
from longspan.serving.calling.calling import Calling
from longspan.serving.events import Called, Done, Ended, Spoken
from longspan.serving.local import LocalDesk
from longspan.serving.refused import Refused
from longspan.serving.worker import Worker

BOOK = {
    "type": "object",
    "properties": {
        "room": {"enum": ["blue", "rosé"]},
        "nights": {"type": "integer", "minimum": 1, "maximum": 30},
        "pets": {"$ref": "#/$defs/pets"},
        "late": {"type": "boolean"},
    },
    "required": ["room", "nights"],
    "$defs": {"pets": {"type": "array", "maxItems": 2, "items": {"enum": ["cat", "dog"]}}},
}
FUNCTIONS = (Function(name="book", parameters=BOOK), Function(name="leave_now"))
ROLES = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
TEMPLATES = {
    "none": ROLES,
    "tagged": "{{ tools | tojson }}<tool_call>" + ROLES,
    "elements": "{{ tools | tojson }}<tool_call><function=f><parameter=a>" + ROLES,
    "bare": '{{ tools | tojson }}{"name": n, "parameters": p} ipython' + ROLES,
    "pythonic": "{{ tools | tojson }}[f(a=1)]" + ROLES,
    "listed": "{{ tools | tojson }}[TOOL_CALLS]" + ROLES,
    "named": "{{ tools | tojson }}[TOOL_CALLS]f[ARGS]" + ROLES,
}


@pytest.fixture(scope="module")
def model(small_folder, tmp_path_factory):
    """The small model, with Mistral's control tokens in place of others."""
    folder = tmp_path_factory.mktemp("called")
    for path in small_folder.iterdir():
        data = path.read_bytes()
        if path.suffix == ".json":
            data = data.replace(b"<jupyter_code>", b"[TOOL_CALLS]").replace(b"<jupyter_text>", b"[ARGS]")
        (folder / path.name).write_bytes(data)
    return longspan.load(folder)


@pytest.fixture
def heard(model, monkeypatch):
    """All events of a request under a template."""

    def hear(template, asked):
        monkeypatch.setattr(model.tokenizer, "chat_template", TEMPLATES.get(template, template))

        async def run():
            desk = LocalDesk(model, limits=Limits(chunk=64))
            try:
                return [event async for event in await desk.ask(asked)]
            finally:
                await desk.close(0)

        return asyncio.run(asyncio.wait_for(run(), 60))

    return hear


def asking(seed=0, tokens=150, **asked):
    generation = {"max_new_tokens": tokens, "temperature": 1.0, "seed": seed} | asked.pop("generation", {})
    turns = (Turn(role="user", text="A room, please."),)
    return Asked(**{"owner": "a", "turns": turns, "functions": FUNCTIONS} | asked, generation=generation)


def calls(events):
    found = {}
    for each in events:
        if isinstance(each, Called):
            call = found.setdefault((each.index, each.number), [each.id, each.name, ""])
            call[2] += each.arguments
    return list(found.values())


def said(events):
    return "".join(each.text for each in events if isinstance(each, Spoken))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_required_call_can_be_read_and_is_of_its_schema(heard, template):
    events = heard(template, asking(len(template), choice="required", parallel=False))
    ((_, name, arguments),) = calls(events)
    assert name in ("book", "leave_now")
    jsonschema.validate(json.loads(arguments), BOOK if name == "book" else {"maxProperties": 0})
    assert said(events) == ""
    assert events[-2] == Ended(index=0, why="tool_calls")


@pytest.mark.parametrize("template", TEMPLATES)
def test_one_that_is_named_is_called_with_what_it_takes(heard, template):
    ((identity, name, arguments),) = calls(heard(template, asking(1, choice="=book", parallel=False)))
    assert name == "book"
    jsonschema.validate(json.loads(arguments), BOOK)
    assert set(json.loads(arguments)) <= set(BOOK["properties"])
    assert len(identity) == (9 if template in ("listed", "named") else 29)


@pytest.mark.parametrize("template", ["tagged", "bare", "named"])
def test_several_may_be_called_one_after_the_other(heard, template):
    events = heard(template, asking(3, choice="=book", tokens=400))
    found = calls(events)
    assert len({identity for identity, _, _ in found}) == len(found) >= 1
    for _, name, arguments in found[:-1]:
        assert name == "book"
        jsonschema.validate(json.loads(arguments), BOOK)
    assert said(events) == ""


def test_arguments_come_in_pieces(heard):
    events = heard("tagged", asking(1, choice="=book", parallel=False))
    first, *more = [each for each in events if isinstance(each, Called)]
    assert first.name == "book"
    assert len(more) > 3
    assert not any(each.name or each.id for each in more)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_strict_function_is_held_where_it_is_up_to_the_model(model, monkeypatch, template):
    monkeypatch.setattr(model.tokenizer, "chat_template", TEMPLATES[template])
    strict = Function(name="book", parameters=BOOK, strict=True)
    calling = Calling.of(model.tokenizer, asking(functions=(strict, FUNCTIONS[1])))
    form = calling.drawn({})["form"]
    good, bad = {
        "elements": ("<tool_call>\n<function=book>\n<parameter=room>\nblue\n</parameter>\n", "red\n"),
        "bare": ('{"name": "book", "parameters": {"room": "blue"', "9"),
        "pythonic": ('[book(room="blue"', "9"),
        "listed": ('[TOOL_CALLS][{"name": "book", "arguments": {"room": "blue"', "9"),
        "named": ('[TOOL_CALLS]book[ARGS]{"room": "blue"', "9"),
    }.get(template, ('<tool_call>\n{"name": "book", "arguments": {"room": "blue"', "9"))
    for text in ("", "Free text, with\nlines."):
        assert fits(model, form, text)
        start = "" if template in ("bare", "pythonic") else text
        assert fits(model, form, start + good)
        assert not fits(model, form, start + good.replace("blue", bad))
        assert not fits(model, form, start + good.replace("book", "cook"))


def fits(model, form, text):
    """Whether an answer may begin so; control tokens count."""
    from longspan.forms.matching import Matching
    from longspan.forms.vocabulary import vocabulary_of

    tokens = model.tokenizer(text, add_special_tokens=False).input_ids
    matching = Matching(form, vocabulary_of(model.tokenizer))
    return matching.fitting(tokens) == len(tokens)


def test_no_form_is_held_where_nothing_needs_one(model):
    drawn = Calling.of(model.tokenizer, asking()).drawn({"seed": 1})
    assert drawn["form"] is None
    assert drawn["seed"] == 1


def test_an_answer_of_a_form_or_a_call(heard):
    fields = {"type": "object", "properties": {"z": {"enum": [1]}}, "required": ["z"]}
    form = Form.json_schema(fields | {"additionalProperties": False})
    events = heard("tagged", asking(functions=FUNCTIONS[:1], generation={"form": form}))
    found = calls(events)
    assert bool(found) != bool(said(events))
    if said(events):
        assert json.loads(said(events)) == {"z": 1}
    forced = heard("tagged", asking(choice="required", parallel=False, generation={"form": form}))
    assert len(calls(forced)) == 1


def test_an_answer_that_is_cut_says_so(heard):
    events = heard("tagged", asking(choice="=book", tokens=24))
    ((_, name, arguments),) = calls(events)
    assert (name, events[-2].why, said(events)) == ("book", "length", "")
    assert arguments.startswith('{"room": ')
    with pytest.raises(ValueError, match=r"char \d+"):
        json.loads(arguments)


def test_where_one_call_is_wanted_the_model_says_no_more(heard, monkeypatch):
    tell, begun = Worker._tell, set()

    def told(worker, job, number, step):
        if number not in begun:
            begun.add(number)
            job.ticket.put(Spoken(index=number, text='<tool_call>{"name": "book"}</tool_call>'))
        tell(worker, job, number, step)

    monkeypatch.setattr(Worker, "_tell", told)
    events = heard("tagged", asking(tokens=800, parallel=False, count=2))
    assert [each[1] for each in calls(events)] == ["book", "book"]
    assert [each.why for each in events if isinstance(each, Ended)] == ["tool_calls"] * 2
    assert 2 <= events[-1].used.generated_tokens < 600


BAD = [
    ({"type": "object", "properties": {"a": {"type": "nonsense"}}}, "invalid_schema"),
    ({"type": "array"}, "invalid_schema"),
    ({"$ref": "https://example.org/schema"}, "invalid_schema"),
]


@pytest.mark.parametrize(("schema", "code"), BAD)
def test_a_schema_that_cannot_be_held_is_refused_if_it_is_strict(model, heard, schema, code):
    strict = Function(name="f", parameters=schema, strict=True)
    with pytest.raises(Refused, match=r"tools\.f\.parameters") as refused:
        Calling.of(model.tokenizer, asking(functions=(strict,))).drawn({})
    assert refused.value.code == code
    loose = Function(name="f", parameters=schema)
    events = heard("tagged", asking(functions=(loose,), choice="required", parallel=False, tokens=60))
    assert calls(events)[0][1] == "f"


def test_what_a_way_of_writing_cannot_say_is_refused_if_it_is_strict(model, monkeypatch):
    monkeypatch.setattr(model.tokenizer, "chat_template", TEMPLATES["elements"])
    strict = Function(name="f", parameters={"anyOf": [{"type": "object"}]}, strict=True)
    with pytest.raises(Refused, match="as this model writes calls"):
        Calling.of(model.tokenizer, asking(functions=(strict,))).drawn({})


def test_too_many_schemas_are_refused_together(model):
    texts = [f"{number:06}" for number in range(2000)]
    many = [Function(name=f"f{n}", parameters={"properties": {"a": {"enum": texts}}}) for n in range(40)]
    with pytest.raises(Refused) as refused:
        Calling.of(model.tokenizer, asking(functions=many, choice="required")).drawn({})
    assert (refused.value.code, refused.value.param) == ("invalid_schema", "tools")


def test_a_function_that_is_none_of_them_is_refused(model):
    with pytest.raises(Refused, match="none of the tools"):
        Calling.of(model.tokenizer, asking(choice="=other")).drawn({})


def test_without_choice_no_function_is_shown_and_nothing_is_called(heard):
    none = heard("none", asking(choice="none", tokens=8))
    bare = heard("none", asking(functions=(), tokens=8))
    assert said(none) == said(bare)
    assert isinstance(none[-1], Done)
    assert none[-1].used.prompt_tokens == bare[-1].used.prompt_tokens
    shown = heard("none", asking(tokens=8))
    assert shown[-1].used.prompt_tokens > bare[-1].used.prompt_tokens


def test_calls_and_answers_are_read_by_a_template_that_knows_of_none(heard):
    call = FunctionCall(id="call_1", name="book", arguments='{"room": "blue"}')
    turns = (
        Turn(role="user", text="A room, please."),
        Turn(role="assistant", calls=(call,)),
        Turn(role="tool", answers="call_1", text="Booked."),
    )
    events = heard("none", asking(turns=turns, choice="required", parallel=False))
    assert len(calls(events)) == 1

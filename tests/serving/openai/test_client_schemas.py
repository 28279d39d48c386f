"""Schemas that clients send: what an answer must be, and what takes too much."""

import asyncio
import json
import threading
import time

import pytest

from longspan.serving.asked import Function
from longspan.serving.openai.formats import check_arguments, format_of
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.web.schemas import BYTES, forms_of


def form(**said):
    return asyncio.run(format_of({"response_format": said}))


def schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}


def test_an_answer_is_held_to_a_schema():
    assert form(type="text") is None
    assert form(type="json_object").holds('{"a": 1}')
    held = form(**schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}))
    assert held.holds('{"a": 1}')
    assert not held.holds('{"a": "b"}')


def deep(levels):
    return {"type": "array", "items": deep(levels - 1)} if levels else {"type": "string"}


@pytest.mark.parametrize(
    "said",
    [
        {"type": "yaml"},
        {"type": "json_schema"},
        schema({"enum": ["a" * 1000] * (BYTES // 1000 + 1)}),
        schema(deep(40)),
        schema({"$ref": "http://127.0.0.1/schema.json"}),
        schema({"$ref": "file:///etc/passwd"}),
        schema({"type": "string", "pattern": "("}),
        schema({"allOf": [{"anyOf": [{"const": f"{a}{b}"} for b in range(20)]} for a in range(20)]}),
        schema({"type": "nothing"}),
    ],
)
def test_schemas_that_are_none_are_refused(said):
    with pytest.raises(Refused) as caught:
        form(**said)
    assert caught.value.param.startswith("response_format")
    assert len(json.dumps(worded(caught.value, "")[1])) < 3000


BOMBS = {
    "numbers that few divide": {"allOf": [{"type": "integer", "multipleOf": 9973}, {"multipleOf": 9967}]},
    "names of many kinds": {"patternProperties": {f"^a{n}.*b{n}$": {"type": "string"} for n in range(600)}},
    "several patterns at once": {
        "type": "string",
        "allOf": [{"pattern": f"(aa|b){{{n},{n + 99}}}"} for n in range(12, 47)],
    },
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_schemas_that_take_too_long_harm_nobody_else(bomb):
    """Of these each would hold up its compiler for a minute or more."""

    async def work():
        began = time.monotonic()
        late = asyncio.create_task(form_gone_wrong())
        ticks = 0
        while not late.done():
            await asyncio.sleep(0.02)
            ticks += 1
        return await late, ticks, time.monotonic() - began

    async def form_gone_wrong():
        with pytest.raises(Refused) as caught:
            await format_of({"response_format": schema(bomb)})
        return caught.value

    refused, ticks, seconds = asyncio.run(work())
    assert "too much time" in refused.message
    assert ticks > seconds / 0.2
    assert seconds < 10
    assert threading.active_count() < 20


def test_parameters_of_functions_are_tried_where_calls_are_held_to_them():
    def check(choice="auto", **fields):
        asyncio.run(check_arguments([Function(name="f", **fields)], choice))

    bomb = BOMBS["numbers that few divide"]
    check(parameters={"type": "object"}, strict=True)
    check(parameters=bomb)
    check("required", parameters={"type": "nothing"})
    with pytest.raises(Refused, match=r"tools\.f\.parameters takes too much time"):
        check("=f", parameters=bomb)
    with pytest.raises(Refused, match=r"tools\.f\.parameters is refused"):
        check(strict=True, parameters={"type": "nothing"})


def test_several_are_tried_in_one_go_and_known_afterwards():
    schemas = {f"tools[{n}]": {"type": "string", "maxLength": n + 1} for n in range(20)} | {
        "last": {"type": "nothing"}
    }
    *forms, wrong = asyncio.run(forms_of(schemas))
    assert [each.holds('"ab"') for each in forms] == [False] + [True] * 19
    assert "nothing" in wrong
    began = time.monotonic()
    assert asyncio.run(forms_of(schemas)) == [*forms, wrong]
    assert time.monotonic() - began < 0.05

"""What `response_format` says an answer must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longspan.forms.form import Form
from longspan.serving.asked import Function
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, wrong
from longspan.serving.web.schemas import form_of, forms_of

_NAME = "response_format"


async def format_of(fields: Mapping[str, Any]) -> Form | None:
    """The form of an answer, None for any text. Raises Refused for a schema that is none or too much."""
    given = taken(fields, _NAME, dict)
    if given is None:
        return None
    kind = taken(given, "type", str, at=_NAME)
    if kind == "text":
        return None
    if kind == "json_object":
        return await form_of({"type": "object"}, _NAME)
    if kind != "json_schema":
        raise wrong(kind, f"{_NAME}.type", "allowed are text, json_object, json_schema")
    within = taken(given, "json_schema", dict, at=_NAME)
    where = f"{_NAME}.json_schema"
    if within is None:
        raise Refused(f"{where} is missing; send {{name, schema}}", param=where)
    return await form_of(taken(within, "schema", dict, {}, at=where), f"{where}.schema")


async def check_arguments(functions: Sequence[Function], choice: str) -> None:
    """Raises Refused for functions to whose parameters a call is held, where these take too long to compile, or where
    they are no schema and the client wants it kept strictly."""
    held = [each for each in functions if each.strict or choice not in ("auto", "none")]
    schemas = {f"tools.{each.name}.parameters": each.parameters for each in held if each.parameters}
    strict = {f"tools.{each.name}.parameters" for each in held if each.strict}
    for where, found in zip(schemas, await forms_of(schemas), strict=True):
        if isinstance(found, str) and where in strict:
            raise Refused(f"{where} is refused: {found}", code="invalid_schema", param=where)

"""What schemas of arguments say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longspan.errors import FormError
from longspan.forms.form import Form
from longspan.serving.asked import Function
from longspan.serving.refused import Refused

ANY: Mapping[str, Any] = {"type": "object"}
_OPEN = frozenset(
    (
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "if",
        "not",
        "oneOf",
        "patternProperties",
        "unevaluatedProperties",
    )
)
"""Keywords that say what properties there may be besides those that are listed."""
_APART = _OPEN - {"additionalProperties", "unevaluatedProperties"} | {"const", "enum", "minProperties"}
"""Keywords by which an object is more than a list of parameters."""


def schema_of(function: Function) -> Mapping[str, Any]:
    """The schema to which the arguments of a function are held: an object, of the properties that it lists,
    which are none where nothing is said of them.

    Raises Refused where a strict function has no schema that can be held; others then take any object.
    """
    schema = dict(function.parameters) or {"properties": {}}
    schema.setdefault("type", "object")
    if "properties" in schema and not _OPEN & schema.keys():
        schema["additionalProperties"] = False
    try:
        if schema["type"] != "object":
            raise FormError(f"arguments are an object, and not {schema['type']!r}")
        Form.json_schema(schema)
    except FormError as error:
        if function.strict:
            where = f"tools.{function.name}.parameters"
            raise Refused(f"{where} is refused: {error}", code="invalid_schema", param=where) from None
        return ANY
    return schema


def parameters(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The schemas of arguments by name, as far as they are listed."""
    listed = schema.get("properties")
    if not isinstance(listed, Mapping):
        return {}
    return {name: each if isinstance(each, Mapping) else {} for name, each in listed.items()}


def listed(schema: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """Parameters with their schemas, and whether they are needed. Raises ValueError for a schema that is no list."""
    apart = sorted(_APART & schema.keys())
    if apart:
        raise ValueError(f"its schema has {', '.join(apart)}")
    defined = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    needed = schema.get("required", [])
    found = parameters(schema)
    if not set(needed) <= found.keys():
        raise ValueError("it requires what it does not describe")
    return [(key, {**each, **defined}, key in needed) for key, each in found.items()]


def is_text(schema: Mapping[str, Any]) -> bool:
    """Whether a value may be text, written without quotes."""
    kinds = schema.get("type")
    if kinds is None:
        texts = [schema["const"]] if "const" in schema else schema.get("enum", [])
        return bool(texts) and isinstance(texts, list) and all(isinstance(each, str) for each in texts)
    return kinds == "string" or (isinstance(kinds, list) and "string" in kinds)

"""What `response_format` says an answer must be, within bounds of size, depth and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from longspan.forms.form import Form
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, wrong

BYTES = 2**16
DEPTH = 32
SECONDS = 2.0
_COMPILERS = ThreadPoolExecutor(2, thread_name_prefix="longspan-form")
"""However many schemas come, no more than these are worked at; what takes too long holds up others like it alone."""


def schema_of(fields: Mapping[str, Any], name: str = "response_format") -> dict[str, Any] | None:
    """The JSON schema that an answer is held to, None for any text."""
    given = taken(fields, name, dict)
    if given is None:
        return None
    kind = taken(given, "type", str, at=name)
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        raise wrong(kind, f"{name}.type", "allowed are text, json_object, json_schema")
    within = taken(given, "json_schema", dict, at=name)
    if within is None:
        raise Refused(f"{name}.json_schema is missing; send {{name, schema}}", param=f"{name}.json_schema")
    schema = taken(within, "schema", dict, {}, at=f"{name}.json_schema")
    bounded(schema, f"{name}.json_schema.schema")
    return dict(schema)


def bounded(schema: Mapping[str, Any], where: str) -> None:
    """Raises Refused for a schema that is too large or too deep."""
    size = len(json.dumps(schema, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > BYTES:
        raise Refused(
            f"{where} has {size:,} bytes, allowed are {BYTES:,}; send a smaller one",
            code="invalid_schema",
            param=where,
        )
    level: list[Any] = [schema]
    for _ in range(DEPTH):
        level = [
            each
            for one in level
            if isinstance(one, dict | list)
            for each in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise Refused(
        f"{where} has more than {DEPTH} levels; send a flatter one", code="invalid_schema", param=where
    )


async def form_of(schema: Mapping[str, Any] | None, param: str = "response_format") -> Form | None:
    """The form of a schema. Raises Refused where it is none, or takes too long to make."""
    if schema is None:
        return None
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(_COMPILERS, Form.json_schema, dict(schema))
    try:
        return await asyncio.wait_for(work, SECONDS)
    except TimeoutError:
        raise Refused(
            f"{param} takes more than {SECONDS:g} s to compile; send a simpler schema",
            code="invalid_schema",
            param=param,
        ) from None
    except ValueError as error:
        raise Refused(f"{param}: {error}", code="invalid_schema", param=param) from None

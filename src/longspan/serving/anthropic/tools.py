"""Tools that a model may call, as clients of Anthropic offer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longspan.serving.asked import Function
from longspan.serving.openai.tools import checked, function_of, known, needing, of_kind
from longspan.serving.web.bodies import one_of, taken


def tools_of(fields: Mapping[str, Any]) -> tuple[tuple[Function, ...], str, bool]:
    """The tools of a request, which are to be called, as `Asked.choice` has it, and whether several at once."""
    given = taken(fields, "tools", list, [])
    functions = checked([_function(each, f"tools[{number}]") for number, each in enumerate(given)])
    choice = taken(fields, "tool_choice", dict, {})
    where = "tool_choice"
    parallel = not taken(choice, "disable_parallel_tool_use", bool, False, at=where)
    kind = one_of(choice, "type", ("auto", "any", "tool", "none"), "auto", at=where)
    if kind == "tool":
        name = taken(choice, "name", str, "", at=where)
        known(functions, name, f"{where}.name")
        return functions, f"={name}", parallel
    return functions, needing(functions, "required" if kind == "any" else kind), parallel


def _function(tool: Any, where: str) -> Function:
    instead = "tools are called by the client here, send one with name and input_schema"
    return function_of(of_kind(tool, where, "custom", instead), where, schema="input_schema")

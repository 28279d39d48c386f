"""Functions that a model may call, as clients of OpenAI offer them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from longspan.serving.asked import Function
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import one_of, taken, wrong
from longspan.serving.web.schemas import bounded

ONLY = "only functions are offered"
FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FUNCTIONS = 128


def functions_of(fields: Mapping[str, Any]) -> tuple[tuple[Function, ...], str]:
    """The functions of a request, and which are to be called, as `Asked.choice` has it."""
    given = taken(fields, "tools", list, [])
    functions = checked([_function(each, f"tools[{number}]") for number, each in enumerate(given)])
    return _chosen(functions, fields.get("tool_choice"))


def checked(functions: Sequence[Function]) -> tuple[Function, ...]:
    """Functions, each with a name of its own. Raises Refused for too many, and for one name twice."""
    if len(functions) > _FUNCTIONS:
        raise Refused(f"tools are {len(functions):,}, allowed are {_FUNCTIONS}", param="tools")
    names = [each.name for each in functions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refused(f"tools has {twice!r} twice; give each a name of its own", param="tools")
    return tuple(functions)


def of_kind(tool: Any, where: str, kind: str, instead: str) -> dict[str, Any]:
    """A tool of the one kind that is offered. Raises Refused for others. instead: what is to be sent."""
    if not isinstance(tool, dict):
        raise wrong(tool, where, "allowed is an object")
    given = taken(tool, "type", str, kind, at=where)
    if given != kind:
        raise Refused(
            f"{where}.type is {given[:40]!r}; {instead}", code="unsupported_parameter", param=f"{where}.type"
        )
    return tool


def _function(tool: Any, where: str) -> Function:
    tool = of_kind(tool, where, "function", ONLY)
    return function_of(taken(tool, "function", dict, {}, at=where), f"{where}.function")


def function_of(given: Mapping[str, Any], where: str, schema: str = "parameters") -> Function:
    """A function by its name, description, parameters and strictness. schema: the field that holds its parameters."""
    name = taken(given, "name", str, "", at=where)
    if not _NAME.fullmatch(name):
        raise wrong(name, f"{where}.name", "allowed are 1 .. 64 of A-Z a-z 0-9 _ - .")
    parameters = taken(given, schema, dict, {}, at=where)
    bounded(parameters, f"{where}.{schema}")
    return Function(
        name=name,
        about=taken(given, "description", str, "", at=where),
        parameters=parameters,
        strict=taken(given, "strict", bool, False, at=where),
    )


def _chosen(functions: tuple[Function, ...], choice: Any) -> tuple[tuple[Function, ...], str]:
    where = "tool_choice"
    if choice is None:
        return functions, "auto"
    if isinstance(choice, str):
        found = one_of({where: choice}, where, ("auto", "none", "required"), "auto")
        return functions, needing(functions, found)
    kind = taken({where: choice}, where, dict).get("type")
    if kind == "function":
        name = taken(taken(choice, "function", dict, {}, at=where), "name", str, "", at=f"{where}.function")
        known(functions, name, f"{where}.function.name")
        return functions, f"={name}"
    if kind == "allowed_tools":
        within = taken(choice, "allowed_tools", dict, {}, at=where)
        mode = one_of(within, "mode", ("auto", "required"), "auto", at=f"{where}.allowed_tools")
        listed = taken(within, "tools", list, [], at=f"{where}.allowed_tools")
        names = [_function(each, f"{where}.allowed_tools.tools[{n}]").name for n, each in enumerate(listed)]
        for name in names:
            known(functions, name, f"{where}.allowed_tools.tools")
        left = tuple(each for each in functions if each.name in names)
        return left, needing(left, mode)
    raise wrong(kind, f"{where}.type", "allowed are function, allowed_tools")


def needing(functions: Sequence[Function], choice: str) -> str:
    """The choice. Raises Refused where a call is required, and there is nothing to call."""
    if choice == "required" and not functions:
        raise Refused("tool_choice is 'required', and tools is empty; send tools", param="tool_choice")
    return choice


def known(functions: Sequence[Function], name: str, where: str) -> None:
    """Raises Refused for a name that no function has."""
    if name not in [each.name for each in functions]:
        raise Refused(f"{where} is {name[:64]!r}, which is none of the tools; send one of them", param=where)

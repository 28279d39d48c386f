"""Variables of the chat template, as the commands take them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from longspan.chat import check_variables

TemplateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        metavar="NAME=VALUE",
        help="A variable of the chat template, such as enable_thinking=false; may be repeated.",
    ),
]


def variables_of(told: Sequence[str] | None) -> dict[str, Any]:
    """Variables told as NAME=VALUE, where a value is JSON or else a text. Raises ValueError for what is none."""
    variables: dict[str, Any] = {}
    for each in told or ():
        name, found, value = each.partition("=")
        if not found:
            raise ValueError(
                f"--template {each!r} has no value; write NAME=VALUE, such as enable_thinking=false"
            )
        try:
            variables[name] = json.loads(value)
        except ValueError:
            variables[name] = value
    return check_variables(variables)

"""The options of the command that say what an answer must be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from longspan.forms.form import Form

JsonSchemaOption = Annotated[
    str | None, typer.Option(metavar="FILE|TEXT", help="The answer is JSON that this schema allows.")
]
RegexOption = Annotated[str | None, typer.Option(help="This regular expression matches the whole answer.")]
ChoiceOption = Annotated[
    list[str] | None, typer.Option(help="The answer is one of these texts; may be repeated.")
]
GrammarOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="The answer is of this grammar, in Lark's notation.")
]


def form_of(
    json_schema: str | None, regex: str | None, choice: Sequence[str] | None, grammar: str | None
) -> Form | None:
    """The form that the options ask for, None for none. Raises ValueError for several and for what is no form."""
    given = {"--json-schema": json_schema, "--regex": regex, "--choice": choice, "--grammar": grammar}
    named = [name for name, value in given.items() if value is not None and value != []]
    if not named:
        return None
    if len(named) > 1:
        raise ValueError(f"{' and '.join(named)} are two forms of one answer; give one of them")

    from longspan.forms.form import Form

    if json_schema is not None:
        text = json_schema if json_schema.lstrip()[:1] in ("{", "") else _read("--json-schema", json_schema)
        return Form.json_schema(text)
    if regex is not None:
        return Form.regex(regex)
    if grammar is not None:
        return Form.lark(_read("--grammar", grammar))
    return Form.choice(choice or ())


def _read(option: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8 text"
        raise ValueError(f"{option}={path!r} cannot be read ({reason}); name a file") from None

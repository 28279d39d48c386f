"""How models write calls: what all such ways have in common."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from longspan.serving.calling.heard import Heard
from longspan.serving.calling.source import Source, Steps

Tag = Callable[[str], str]
"""A text as a grammar has it: a control token where the model has one for it."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A function with the schema to which its arguments are held."""

    name: str
    schema: Mapping[str, Any]


class Family:
    """A way to write calls.

    openers: with what a call begins, wherever it stands. first: characters with which one begins where an answer does.
    loose: such characters for calls as models write them that forget how, which are read unless a form holds calls.
    tokens: control tokens that are needed to read it, and are no text otherwise. generic: whether models have to be
    told of it, as their template does not.
    """

    openers: ClassVar[tuple[str, ...]] = ()
    first: ClassVar[str] = ""
    loose: ClassVar[str] = ""
    tokens: ClassVar[tuple[str, ...]] = ()
    generic: bool = False

    def read(self, source: Source, heard: Heard) -> Steps[bool]:
        """Reads a call, or several that belong together, from its beginning on, and whether it is one."""
        raise NotImplementedError

    def rules(self, held: Sequence[Held], tag: Tag, *, parallel: bool) -> str:
        """Rules of a grammar, of which `calls` is what calls look like behind the first opener.

        Raises ValueError for schemas that cannot be said in this way.
        """
        raise NotImplementedError

    @property
    def id(self) -> str:
        """A name for a call that no other has."""
        return f"call_{secrets.token_hex(12)}"

    def id_of(self, known: str) -> str:
        """The name that the template is told for one that a client uses."""
        return known


def quoted(text: str) -> str:
    """A text as a grammar has it."""
    return json.dumps(text, ensure_ascii=False)


def json_rule(schema: Mapping[str, Any]) -> str:
    """JSON of a schema, on one line, as a grammar has it."""
    spacing = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return f"%json {json.dumps({**schema, 'x-guidance': spacing})}"


def object_rules(held: Sequence[Held], key: str) -> str:
    """Rules of which `one` is a call as an object of JSON. key: under which its arguments stand."""
    lines = [f"one: {' | '.join(f'f{number}' for number in range(len(held)))}"]
    for number, each in enumerate(held):
        head = f'{{"name": {json.dumps(each.name)}, "{key}": '
        lines += [f'f{number}: {quoted(head)} a{number} "}}"', f"a{number}: {json_rule(each.schema)}"]
    return "\n".join(lines)

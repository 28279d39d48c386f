"""Calls as bare JSON where an answer begins, as Llama 3 writes them: `{"name": …, "parameters": {…}}`."""

from __future__ import annotations

from collections.abc import Sequence

from longspan.serving.calling import objects
from longspan.serving.calling.family import Family, Held, Tag, object_rules
from longspan.serving.calling.heard import Heard
from longspan.serving.calling.source import Source, Steps

OPEN = "<|python_tag|>"


class Bare(Family):
    """An object that has a name and parameters, where an answer begins or behind a tag; several with `;` between."""

    openers = (OPEN,)
    first = "{"
    tokens = (OPEN,)

    def read(self, source: Source, heard: Heard) -> Steps[bool]:
        """Reads one or more."""
        yield from source.word(OPEN)
        yield from source.blanks()
        if not (yield from objects.call(source, heard, bare=True)):
            return False
        while True:
            start = source.at
            yield from source.blanks()
            yield from source.word(";", ",")
            yield from source.blanks()
            known = heard.calls
            if (yield from source.next()) == "{":
                yield from objects.call(source, heard, bare=True)
            if heard.open:
                return False
            if heard.calls == known:
                source.at = start
                return True

    def rules(self, held: Sequence[Held], tag: Tag, *, parallel: bool) -> str:
        """One, or several."""
        more = ' ("; " one)*' if parallel else ""
        return f"calls: one{more}\n{object_rules(held, 'parameters')}"

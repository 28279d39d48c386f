"""Calls as a list of Python where an answer begins, as Llama 4 writes them: `[f(a=1), g()]`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longspan.serving.calling.family import Family, Held, Tag, json_rule, quoted
from longspan.serving.calling.heard import Heard
from longspan.serving.calling.schemas import listed
from longspan.serving.calling.source import LONGEST, Source, Steps
from longspan.serving.calling.values import loaded, value, written

OPEN = "<|python_tag|>"
_NAME = re.compile(rf"[\w.-]{{0,{LONGEST}}}")


class Pythonic(Family):
    """Nothing of it is run: values are literals of Python or JSON."""

    openers = (OPEN,)
    first = "["
    tokens = (OPEN, "<|python_start|>", "<|python_end|>")

    def read(self, source: Source, heard: Heard) -> Steps[bool]:
        """Reads a list of calls, all of which are told at its end."""
        yield from source.word(OPEN)
        yield from source.blanks()
        if not (yield from source.word("[")):
            return False
        found = []
        while True:
            call = yield from _call(source)
            if call is None:
                return False
            found.append(call)
            yield from source.blanks()
            if (yield from source.word("]")):
                break
            if not (yield from source.word(",")):
                return False
        for name, arguments in found:
            heard.call(name, arguments)
        return True

    def rules(self, held: Sequence[Held], tag: Tag, *, parallel: bool) -> str:
        """A list of one, or of several; arguments in the order of the schema, as JSON writes them."""
        more = ' (", " one)*' if parallel else ""
        lines = [f'calls: "[" one{more} "]"', f"one: {' | '.join(f'f{n}' for n in range(len(held)))}"]
        for number, each in enumerate(held):
            lines += [f'f{number}: {quoted(each.name + "(")} p{number}_0 ")"', *_arguments(number, each)]
        return "\n".join(lines)


def _arguments(number: int, held: Held) -> list[str]:
    """Rules by which arguments follow one another: `p` where none stands before, `q` behind a comma's place."""
    lines = []
    given = listed(held.schema)
    for place, (key, schema, needed) in enumerate(given):
        rest = f"q{number}_{place + 1}"
        skipped = "" if needed else f" | p{number}_{place + 1}"
        optional = "" if needed else "?"
        argument = f"v{number}_{place}"
        lines += [
            f"p{number}_{place}: {quoted(f'{key}=')} {argument} {rest}{skipped}",
            f"q{number}_{place}: ({quoted(f', {key}=')} {argument}){optional} {rest}",
            f"{argument}: {json_rule(schema)}",
        ]
    return [*lines, f'p{number}_{len(given)}: ""', f'q{number}_{len(given)}: ""']


def _call(source: Source) -> Steps[tuple[str, str] | None]:
    yield from source.blanks()
    name = yield from source.run(_NAME)
    if not name or not (yield from source.word("(")):
        return None
    given = {}
    yield from source.blanks()
    if (yield from source.word(")")):
        return name, "{}"
    while True:
        yield from source.blanks()
        key = yield from source.run(_NAME)
        yield from source.blanks()
        if not key or not (yield from source.word("=")):
            return None
        yield from source.blanks()
        start = source.at
        if not (yield from value(source, python=True)):
            return None
        try:
            given[key] = loaded(source.text[start : source.at], python=True)
        except ValueError:
            return None
        yield from source.blanks()
        if (yield from source.word(")")):
            return name, written(given)
        if not (yield from source.word(",")):
            return None

"""Calls behind a control token, as Mistral writes them: `[TOOL_CALLS] [{…}]`, or `[TOOL_CALLS]name[ARGS]{…}`."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from longspan.serving.calling import objects
from longspan.serving.calling.family import Family, Held, Tag, json_rule, object_rules, quoted
from longspan.serving.calling.heard import Heard
from longspan.serving.calling.source import LONGEST, Source, Steps

OPEN, ARGUMENTS, NUMBER = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
_LETTERS = string.ascii_letters + string.digits
_ID = re.compile(r"[A-Za-z0-9]{9}")
_NAME = re.compile(rf"[\w.-]{{0,{LONGEST}}}")


@dataclass(frozen=True, kw_only=True)
class Mistral(Family):
    """named: whether names stand before their arguments; both ways are read."""

    named: bool = False
    openers = (OPEN,)
    tokens = (OPEN, ARGUMENTS, NUMBER)

    def read(self, source: Source, heard: Heard) -> Steps[bool]:
        """Reads a list, or a name and its arguments."""
        yield from source.word(OPEN)
        yield from source.blanks()
        first = yield from source.next()
        if first != "" and first in "{[":
            return bool((yield from objects.calls(source, heard)))
        name = yield from source.run(_NAME)
        if not name:
            return False
        if (yield from source.word(NUMBER)):
            yield from source.run(_NAME)
        yield from source.word(ARGUMENTS)
        yield from source.blanks()
        return bool((yield from objects.arguments(source, heard, name)))

    def rules(self, held: Sequence[Held], tag: Tag, *, parallel: bool) -> str:
        """A list of one or several, or names with arguments, each behind a token of its own."""
        if not self.named:
            more = ' (", " one)*' if parallel else ""
            return f'calls: " "? "[" one{more} "]"\n{object_rules(held, "arguments")}'
        lines = [f"calls: one{f' ({tag(OPEN)} one)*' if parallel else ''}"]
        lines.append(f"one: {' | '.join(f'f{number}' for number in range(len(held)))}")
        for number, each in enumerate(held):
            lines += [
                f"f{number}: {quoted(each.name)} {tag(ARGUMENTS)} a{number}",
                f"a{number}: {json_rule(each.schema)}",
            ]
        return "\n".join(lines)

    @property
    def id(self) -> str:
        """Nine letters or digits, as its templates want them."""
        return "".join(secrets.choice(_LETTERS) for _ in range(9))

    def id_of(self, known: str) -> str:
        """The name itself where it is such a one, else one that follows from it."""
        if _ID.fullmatch(known):
            return known
        return blake2b(known.encode(errors="surrogatepass"), digest_size=5).hexdigest()[:9]

"""JSON schemas that clients send, within bounds of size, depth and time, as forms."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from longspan.forms.form import Form
from longspan.serving.refused import Refused
from longspan.serving.web import proving
from longspan.serving.web.bodies import inside

BYTES = 2**16
DEPTH = 32
WAITING = 20.0
"""Seconds that a schema may wait for others and be compiled."""
_RUNNING = 10.0
_KNOWN = 256

_COMPILERS = ThreadPoolExecutor(2, thread_name_prefix="longspan-schema")
"""However many schemas come, no more are worked at."""
_known: OrderedDict[str, Form | str] = OrderedDict()
"""What became of schemas that came before, used last last: a form, or what is wrong."""


def bounded(schema: Mapping[str, Any], where: str) -> None:
    """Raises Refused for a schema that is too large or too deep. where: the field of the request."""
    size = len(json.dumps(schema, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > BYTES:
        raise _wrong(where, f"has {size:,} bytes, allowed are {BYTES:,}; send a smaller one")
    level: list[Any] = [schema]
    for _ in range(DEPTH):
        level = inside(level)
        if not level:
            return
    raise _wrong(where, f"has more than {DEPTH} levels; send a flatter one")


async def form_of(schema: Mapping[str, Any], where: str) -> Form:
    """The form of a schema. Raises Refused where it is none, is too large, or takes too long to compile."""
    (found,) = await forms_of({where: schema})
    if isinstance(found, str):
        raise _wrong(where, f"is refused: {found}")
    return found


async def forms_of(schemas: Mapping[str, Mapping[str, Any]]) -> list[Form | str]:
    """The forms of several, by the fields in which they stand; what is wrong, for one that is none.

    Raises Refused for one that is too large, or takes too long to compile.
    """
    for where, schema in schemas.items():
        bounded(schema, where)
    texts = {where: json.dumps(schema) for where, schema in schemas.items()}
    found = {text: _known[text] for text in texts.values() if text in _known}
    new = {text: where for where, text in texts.items() if text not in found}
    if new:
        work = asyncio.get_running_loop().run_in_executor(_COMPILERS, _compiled, list(new))
        try:
            told = await asyncio.wait_for(work, WAITING)
        except TimeoutError:
            raise Refused(
                "too many schemas are being compiled; try again later",
                kind="overloaded",
                code="overloaded",
                retry_after=5,
            ) from None
        found |= zip(new, told, strict=False)
        if len(told) < len(new):
            raise _wrong(list(new.values())[len(told)], "takes too much time to compile; send a simpler one")
    for text, each in found.items():
        _known[text] = each
        _known.move_to_end(text)
    while len(_known) > _KNOWN:
        _known.popitem(last=False)
    return [found[text] for text in texts.values()]


def _compiled(texts: Sequence[str]) -> list[Form | str]:
    """What becomes of schemas, up to the first that takes too long."""
    command = [sys.executable, "-m", proving.__name__]
    try:
        ran = subprocess.run(  # noqa: S603 - of its own modules
            command, input="\n".join(texts).encode(), capture_output=True, timeout=_RUNNING, check=False
        )
        told = ran.stdout
        if ran.returncode > 0:
            raise Refused(
                f"schemas cannot be compiled ({ran.stderr.decode(errors='replace').strip()[-200:]})",
                kind="failed",
            )
    except subprocess.TimeoutExpired as error:
        told = error.stdout or b""
    lines = [json.loads(line) for line in told.splitlines() if line.endswith(b"}")]
    return [Form("JSON schema", each["grammar"]) if "grammar" in each else each["error"] for each in lines]


def _wrong(where: str, said: str) -> Refused:
    return Refused(f"{where} {said}", code="invalid_schema", param=where)

"""A text to be gone on with, as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longspan.serving.asked import Asked
from longspan.serving.openai import drawing
from longspan.serving.openai.extras import Extras
from longspan.serving.openai.fields import refuse
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, within, wrong

KNOWN = frozenset(
    (
        *drawing.FIELDS,
        "best_of",
        "echo",
        "logprobs",
        "longspan",
        "max_tokens",
        "model",
        "prompt",
        "return_progress",
        "stream",
        "stream_options",
    )
)
PROMPTS = 256
TOKENS = 16
"""Of an answer, where a client names none: as OpenAI has it."""
_LIKELIEST = 20
_ID = 2**31 - 1


def completions_of(fields: Mapping[str, Any], owner: str, more: Extras) -> list[Asked]:
    """What a request to `/v1/completions` asks, for each of its prompts. Raises Refused for what it may not."""
    refuse(fields, {"suffix": "send what comes before alone"})
    if more.documents:
        raise Refused(
            "longspan.documents are shown in a chat; send them to /v1/chat/completions, or in the prompt",
            param="longspan.documents",
        )
    generation, count = drawing.drawn(fields)
    if within(fields, "best_of", int, 1, _LIKELIEST, count) != count:
        raise Refused(
            "best_of other than n is not offered; leave it out",
            code="unsupported_parameter",
            param="best_of",
        )
    echo = taken(fields, "echo", bool, False)
    tokens = drawing.tokens_of(fields, "max_tokens", floor=0)
    if tokens == 0 and not echo:
        raise Refused(
            "max_tokens is 0, which is offered with echo alone; send 1 or more",
            code="invalid_value",
            param="max_tokens",
        )
    generation["max_new_tokens"] = TOKENS if tokens is None else tokens
    if fields.get("logprobs") is not False:
        likeliest = within(fields, "logprobs", int, 0, _LIKELIEST)
        if likeliest is not None:
            generation["logprobs"] = likeliest
    return [
        Asked(
            owner=owner,
            model=taken(fields, "model", str),
            prompt=prompt,
            generation=generation,
            count=count,
            context=more.context,
            plan=more.plan,
            flow=more.flow,
            cite=more.cite,
            seconds=more.seconds,
            echo=echo,
        )
        for prompt in prompts_of(fields)
    ]


def prompts_of(fields: Mapping[str, Any]) -> list[str | Sequence[int]]:
    """A text, texts, the tokens of a text or of texts."""
    given = fields.get("prompt")
    if isinstance(given, str) or (isinstance(given, list) and given and _token(given[0])):
        given = [given]
    if not isinstance(given, list) or not given:
        raise wrong(given, "prompt", "allowed are a text, texts, ids of tokens, lists of such ids")
    if len(given) > PROMPTS:
        raise Refused(
            f"prompt has {len(given):,} texts, allowed are {PROMPTS}; send several requests", param="prompt"
        )
    for number, each in enumerate(given):
        text = isinstance(each, str)
        if not each or not (text or (isinstance(each, list) and all(map(_token, each)))):
            where = f"prompt[{number}]" if len(given) > 1 else "prompt"
            raise wrong(each, where, "allowed are a text that is not empty, or ids of tokens")
    return given


def _token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _ID

"""How an answer is drawn and where it ends, as clients of OpenAI say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from longspan.running.generation import Generation
from longspan.serving.openai.fields import listed
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, within, wrong

FIELDS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "min_tokens",
    "n",
)
"""Those read here; `top_k` and those with `min` and `repetition` are known from other servers."""

ANSWERS = 8
STOPS = 16
_STOP_LENGTH = 128
_BIASED = 1000
_TOKENS = 2**31 - 1
_TOKEN = re.compile(r"\d{1,9}")


def drawn(fields: Mapping[str, Any]) -> tuple[Generation, int]:
    """The drawing that a request asks for, and how many answers.

    An answer is the likeliest text, token by token, unless the client names a temperature, a share of tokens in
    `top_p`, or several answers, which would all be the same: then the temperature is OpenAI's, 1.
    """
    count = within(fields, "n", int, 1, ANSWERS, 1)
    top_p = within(fields, "top_p", float, 0, 1)
    chance = count > 1 or (top_p is not None and top_p < 1)
    found = Generation(
        temperature=within(fields, "temperature", float, 0, 2, 1.0 if chance else 0.0),
        seed=within(fields, "seed", int, -(2**63), 2**64 - 1),
        presence_penalty=within(fields, "presence_penalty", float, -2, 2, 0.0),
        frequency_penalty=within(fields, "frequency_penalty", float, -2, 2, 0.0),
        repetition_penalty=within(fields, "repetition_penalty", float, 0.01, 100, 1.0),
        min_tokens=within(fields, "min_tokens", int, 0, _TOKENS, 0),
        logit_bias=_biases(fields),
        stop=stops(fields, "stop"),
    )
    if top_p:
        found["top_p"] = top_p
    elif top_p == 0:
        found["top_k"] = 1
    if top_k := within(fields, "top_k", int, -1, _TOKENS, 0):
        found |= {"top_k": top_k} if top_k > 0 else {}
    if min_p := within(fields, "min_p", float, 0, 1, 0.0):
        found["min_p"] = min_p
    return found, int(count)


def tokens_of(fields: Mapping[str, Any], name: str, floor: int = 1) -> int | None:
    """How many tokens an answer may have."""
    found = within(fields, name, int, floor, _TOKENS)
    return None if found is None else int(found)


def stops(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts that end an answer."""
    given = listed(fields.get(name)) if fields.get(name) is not None else []
    for each in given:
        if not isinstance(each, str) or not each or len(each) > _STOP_LENGTH:
            raise wrong(each, name, f"allowed are texts of 1 .. {_STOP_LENGTH} characters")
    if len(given) > STOPS:
        raise Refused(f"{name} has {len(given)} texts, allowed are {STOPS}", code="invalid_value", param=name)
    return tuple(given)


def _biases(fields: Mapping[str, Any]) -> dict[int, float]:
    given = taken(fields, "logit_bias", dict, {})
    if len(given) > _BIASED:
        raise Refused(
            f"logit_bias has {len(given):,} tokens, allowed are {_BIASED:,}",
            code="invalid_value",
            param="logit_bias",
        )
    found = {}
    for token in given:
        if not _TOKEN.fullmatch(token):
            raise wrong(token, "logit_bias", "allowed are ids of tokens, such as 42")
        found[int(token)] = within(given, token, float, -100, 100, 0.0, at="logit_bias")
    return found

"""What an engine says against a request, as refusals of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from longspan.serving.refused import Overlong, Refused

_DOES_NOT_FIT = re.compile(
    r"(?i)context[_ ](?:length|size|window)|exceed\w* .{0,40}context|(?:prompt|input) is too long|"
    r"too many (?:input )?tokens"
)
_MAXIMUM = re.compile(r"(?i)(?:maximum context length is|maximum is|context size[^0-9]{0,20}|>\s*)(\d[\d,]*)")
_TOKENS = re.compile(
    r"(?i)(?:resulted in|requested|request has|prompt has|too long:|prompt contains)\D{0,60}?(\d[\d,]*)"
)
_LONGEST = 500
_ADVICE = "ask for less, or have documents read in parts with longspan.flow"


def unreachable(error: Exception) -> Refused:
    """What a client is told where the engine cannot be reached; where it is, is nobody's business."""
    if isinstance(error, httpx.PoolTimeout):
        return Refused(
            "too many requests are at the engine; try again later",
            kind="overloaded",
            code="overloaded",
            retry_after=5,
        )
    if isinstance(error, httpx.TimeoutException):
        return Refused("the engine does not answer; try again later", kind="timeout", code="engine_timeout")
    return Refused(
        "the engine cannot be reached; try again later",
        kind="overloaded",
        code="engine_unreachable",
        retry_after=5,
    )


def refused(status: int, text: str, headers: Mapping[str, str], *, tokens: int, window: int) -> Refused:
    """Of an answer that is an error. tokens: of the request, as they are counted here. window: of the model."""
    fields = _error(text)
    message = " ".join(str(fields.get("message") or "").split())[:_LONGEST]
    wait = _retry_after(headers)
    code = str(fields.get("code") or fields.get("type") or "")
    if status in (400, 413, 422) and (
        _DOES_NOT_FIT.search(message) or code in ("context_length_exceeded", "exceed_context_size_error")
    ):
        said = fields.get("n_prompt_tokens")
        maximum = fields.get("n_ctx")
        return Overlong(
            tokens=said if isinstance(said, int) else _number(_TOKENS, message) or max(tokens, window + 1),
            maximum=maximum if isinstance(maximum, int) else _number(_MAXIMUM, message) or window,
            advice=_ADVICE,
        )
    if status == 429:
        return Refused("the engine has too much to do; try again later", kind="rate", retry_after=wait or 5)
    if status in (502, 503, 529):
        return Refused(
            "the engine has too much to do; try again later",
            kind="overloaded",
            code="overloaded",
            retry_after=wait or 5,
        )
    if status in (408, 504):
        return Refused("the engine was not done in its time; ask for less", kind="timeout")
    if status in (400, 413, 422):
        param = fields.get("param")
        return Refused(
            f"the engine refuses the request: {message or f'status {status}'}",
            code=code[:80] or None,
            param=str(param)[:80] if param else None,
        )
    return Refused(
        f"the engine failed at this (status {status}); the server's operator has to look at it",
        kind="failed",
        code="engine_failed",
    )


def broken(error: Any) -> Refused:
    """Of an error that stands within a stream."""
    fields = error if isinstance(error, dict) else {"message": error}
    code = fields.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    if status == 500 and str(fields.get("type")) in ("invalid_request_error", "BadRequestError"):
        status = 400
    return refused(status, json.dumps({"error": fields}, default=str), {}, tokens=0, window=0)


def _error(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    error = said.get("error", said)
    return error if isinstance(error, dict) else {"message": error}


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(found[1].replace(",", "")) if found else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None

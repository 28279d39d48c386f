"""Refusals in OpenAI's words, which clients and proxies look for."""

from __future__ import annotations

from longspan.serving.refused import Kind, Overlong, Refused

_TYPES: dict[Kind, str] = {
    "rate": "rate_limit_error",
    "overloaded": "server_error",
    "slow": "invalid_request_error",
    "timeout": "server_error",
    "failed": "server_error",
}
_CODES: dict[Kind, str] = {
    "unauthenticated": "invalid_api_key",
    "forbidden": "permission_denied",
    "missing": "not_found",
    "too_large": "request_too_large",
    "rate": "rate_limit_exceeded",
    "overloaded": "overloaded",
    "slow": "request_timeout",
    "timeout": "timeout",
    "failed": "internal_error",
}
_LONGEST = 2000


def worded(refused: Refused, request_id: str) -> tuple[int, dict[str, object]]:
    """Status and body. request_id: told where a fault is the server's, so that it can be found in its log."""
    message = _said(refused)
    if refused.kind == "failed" and request_id:
        message += f" (request {request_id})"
    error = {
        "message": message[:_LONGEST],
        "type": _TYPES.get(refused.kind, "invalid_request_error"),
        "param": refused.param,
        "code": refused.code or _CODES.get(refused.kind),
    }
    return refused.status, {"error": error}


def _said(refused: Refused) -> str:
    if not isinstance(refused, Overlong):
        return refused.message
    asked = "prompt" if refused.param == "prompt" else "messages"
    return (
        f"This model's maximum context length is {refused.maximum} tokens. However, your {asked} resulted in "
        f"{refused.tokens} tokens, with those of the answer that you ask for; {refused.advice}"
    )

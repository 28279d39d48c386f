"""Refusals in Anthropic's words, which clients look for."""

from __future__ import annotations

from longspan.serving.refused import Kind, Overlong, Refused

_TYPES: dict[Kind, tuple[int, str]] = {
    "invalid": (400, "invalid_request_error"),
    "unauthenticated": (401, "authentication_error"),
    "forbidden": (403, "permission_error"),
    "missing": (404, "not_found_error"),
    "too_large": (413, "request_too_large"),
    "rate": (429, "rate_limit_error"),
    "overloaded": (529, "overloaded_error"),
    "slow": (408, "timeout_error"),
    "timeout": (504, "timeout_error"),
    "failed": (500, "api_error"),
}
_LONGEST = 2000


def worded(refused: Refused, request_id: str) -> tuple[int, dict[str, object]]:
    """Status and body. Agents shorten what they send where a message begins with "prompt is too long"."""
    status, kind = _TYPES[refused.kind]
    message = refused.message
    if isinstance(refused, Overlong):
        message = f"prompt is too long: {refused.tokens} tokens > {refused.maximum} maximum; {refused.advice}"
    error: dict[str, object] = {"type": kind, "message": message[:_LONGEST]}
    if refused.code is not None:
        error["details"] = {"error_code": refused.code, "param": refused.param}
    return status, {"type": "error", "error": error, "request_id": request_id or None}

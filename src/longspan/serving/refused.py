"""Why a request is not answered; each protocol words it in its own form."""

from __future__ import annotations

from typing import Literal

from longspan.errors import LongspanError

Kind = Literal[
    "invalid",
    "unauthenticated",
    "forbidden",
    "missing",
    "too_large",
    "rate",
    "overloaded",
    "slow",
    "timeout",
    "failed",
]

STATUS: dict[Kind, int] = {
    "invalid": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "missing": 404,
    "too_large": 413,
    "rate": 429,
    "overloaded": 503,
    "slow": 408,
    "timeout": 504,
    "failed": 500,
}
"""Of HTTP."""


class Refused(LongspanError):
    """A request that is not answered, or not to its end.

    kind: what is wrong. code: a name for programs. param: the field of the request. retry_after: seconds after which it
    may go better.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Kind = "invalid",
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.kind, self.code = message, kind, code
        self.param, self.retry_after = param, retry_after

    @property
    def status(self) -> int:
        """Of HTTP."""
        return STATUS[self.kind]


class Overlong(Refused):
    """A prompt that does not fit, with what is to be done. tokens: of prompt and answer. maximum: that may be."""

    def __init__(self, *, tokens: int, maximum: int, advice: str, param: str = "messages") -> None:
        super().__init__(
            f"the prompt has {tokens:,} tokens, allowed are {maximum:,}; {advice}",
            code="context_length_exceeded",
            param=param,
        )
        self.tokens, self.maximum, self.advice = tokens, maximum, advice


def refusal(error: BaseException) -> Refused:
    """What a client is told of an error."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, MemoryError):
        return Refused("memory is used up; try again later", kind="overloaded", retry_after=10)
    if isinstance(error, ValueError):
        return Refused(str(error))
    return Refused(f"the request failed ({type(error).__name__}); try again, or ask for less", kind="failed")

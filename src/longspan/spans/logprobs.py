"""How likely tokens were."""

from __future__ import annotations

from dataclasses import dataclass

_NEVER = -9999.0


@dataclass(frozen=True, kw_only=True)
class Logprob:
    """How likely a token was: value is ln p. data: its bytes, which may be a part of a character."""

    token: int
    data: bytes
    value: float

    @property
    def text(self) -> str:
        """Its bytes as text, U+FFFD for those of no character."""
        return self.data.decode(errors="replace")

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: ``token``, ``text``, ``bytes`` and ``logprob``, which is −9999 for −∞."""
        return {
            "token": self.token,
            "text": self.text,
            "bytes": list(self.data),
            "logprob": max(self.value, _NEVER),
        }


@dataclass(frozen=True, kw_only=True)
class Logprobs:
    """How likely a token was to the model, and which ones were likeliest, best first."""

    own: Logprob
    likeliest: tuple[Logprob, ...]

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: the token's own, and ``top``."""
        return {**self.own.to_dict(), "top": [each.to_dict() for each in self.likeliest]}

"""What a search tries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CHILDREN = ("mutated", "crossed")
"""Origins of candidates that come of others."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Rescale factors λ of each pair of channels, fastest first.

    first: n̂, tokens that keep the model's own rotation. critical: the pair from which on factors were drawn, None
    where all were. origin: a child's, or the name of a start.
    """

    factors: tuple[float, ...]
    first: int = 0
    critical: int | None = None
    origin: str = field(default="", compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "factors": list(self.factors),
            "first": self.first,
            "critical": self.critical,
            "origin": self.origin,
        }

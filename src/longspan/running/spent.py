"""What was done with a sequence, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass
class Spent:
    """What was done with a sequence: tokens read and generated, and the seconds that this took.

    A pass through several sequences counts for each by its tokens. drafted_tokens, accepted_tokens: how many tokens of
    drafts were verified, and how many of them accepted. saved_seconds: what one by one would have taken more.
    """

    read_tokens: int = 0
    generated_tokens: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    saved_seconds: float = 0.0


def total(spent: Iterable[Spent]) -> Spent:
    """All of it together."""
    facts = [asdict(each) for each in spent]
    return Spent(**{name: sum(each[name] for each in facts) for name in facts[0]})

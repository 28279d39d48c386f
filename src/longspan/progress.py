"""How far something has come that takes a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far something has come: so many of a total are processed, in so many seconds.

    total: None where it is not known. stage: what is done, in a word or two. unit: what is counted.
    """

    processed: int
    total: int | None
    seconds: float = 0.0
    stage: str = "reading"
    unit: str = "tokens"


Watcher: TypeAlias = Callable[[Progress], None]
"""Is told how far something has come, from time to time."""

"""What a plan holds, as its parts see one another when they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Slot: TypeAlias = Any
"""A part, the text of one such as "snapkv(budget=2048, when=chunk)", or None."""


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A part or None for each slot, by name; a part's `check(plan)` looks at the others here."""

    positions: Slot = None
    pattern: Slot = None
    policy: Slot = None
    selector: Slot = None
    codec: Slot = None
    decode: Slot = None

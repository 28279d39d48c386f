"""Which papers of the map of the field a part without a card implements: said beside the part, gathered by `field`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "method", "flow", "plan", "task", "metric", "profile", "probe", "recipe", "command", "function"
]
"""What can implement a paper; methods, flows and plans that have names say so themselves, by a `Card` or a `Named`."""


@dataclass(frozen=True, kw_only=True)
class Credit:
    """That a part implements a paper. A module lists its own in CREDITS.

    kind: of the part. name: a family of tasks or one task, a module of metrics, a profile, a probe, a method of
    `longspan extend`, a command, or the path of a class or a function. field: the paper's id in the map. missing: what
    of the paper is not here and why, in one sentence; empty where nothing is.
    """

    kind: Kind
    name: str
    field: int
    missing: str = ""

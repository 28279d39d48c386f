"""A model that is asked about passages, in words or for probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.model import Model
    from longspan.plan import Plan

Ask: TypeAlias = Callable[[Sequence[str], int], Sequence[str]]
"""Independent prompts to a model, each with a reply of so many tokens at most; replies in the same order, an empty one
where the model failed.
"""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Who is asked.

    ask: in words. model, plan: for probabilities and for what is read once; None for a server. spent: told what was
    asked of the model itself took. identity: which model it is, and how it answers.
    """

    ask: Ask
    model: Model | None = None
    plan: Plan | None = None
    spent: Callable[[Usage], None] = lambda usage: None
    identity: Callable[[], str] = str

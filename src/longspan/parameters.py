"""Checks that a part makes of its own parameters, and what a budget means."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeAlias

Budget: TypeAlias = int | float
"""How many entries a row may keep: an int ≥ 1 is tokens, a float in (0, 1] a fraction of the tokens seen."""


def check_range(name: str, value: float, low: float | None, high: float | None = None) -> None:
    """Raise ValueError unless `value` is a finite number with `low` ≤ value ≤ `high`; None is no bound."""
    lowest, highest = -math.inf if low is None else low, math.inf if high is None else high
    if not _is_number(value) or not lowest <= value <= highest:
        bounds = f"{lowest} .. {highest}".replace("inf", "∞")
        raise ValueError(f"{name}={value!r} is outside {bounds}")


def check_whole(name: str, value: int, low: int, high: int | None = None) -> None:
    """Raise ValueError unless `value` is a whole number with `low` ≤ value ≤ `high`; None is no bound."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}={value!r} is no whole number")
    check_range(name, value, low, high)


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    choices = tuple(choices)
    if value not in choices:
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(str, choices))}")


def check_budget(name: str, value: Budget) -> None:
    """Raise ValueError unless `value` is a budget: whole tokens from 1 on, or a fraction in (0, 1]."""
    whole = isinstance(value, int)
    if not _is_number(value) or (value < 1 if whole else not 0 < value <= 1):
        raise ValueError(
            f"{name}={value!r} is outside 1 .. ∞ tokens and outside the fractions 0 < {name} ≤ 1.0"
        )


def tokens(budget: Budget, seen: int) -> int:
    """The tokens that `budget` grants a row that has seen `seen` tokens.

    An int is that number, also where fewer were seen. A fraction is rounded down, but never below one
    token; a product within a millionth of a whole number is that number, so that a fraction which binary
    floats cannot hold (0.29, or 1 - 0.9) loses no token.
    """
    check_budget("budget", budget)
    if isinstance(budget, int):
        return budget
    return max(1, math.floor(round(seen * budget, 6)))


@cache
def numbers_by_layer(name: str, path: str, example: str) -> tuple[tuple[float, ...], ...]:
    """The numbers in a text file, a line for each layer and in it a number for each head, by blanks or tabs.

    Raises ValueError, with the parameter's name, for a file that cannot be read, is empty or is no such table.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        rows = tuple(tuple(float(number) for number in line.split()) for line in lines if line.strip())
        if not rows or len({len(row) for row in rows}) > 1:
            raise ValueError("lines are of unequal length" if rows else "it is empty")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name}={path!r} has no table of numbers, a line for each layer ({error}); give the path of {example}"
        ) from error
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

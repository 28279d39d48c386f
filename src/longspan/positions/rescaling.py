"""Rescale factors that a search found, and the file that holds them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from longspan.errors import PlanError
from longspan.parameters import check_range

FORMAT = "longspan rescaling 1"
_LARGEST = 1 << 20
"""Bytes of a file; no model has so many channels that its factors need more."""


def check_factors(factors: Sequence[float]) -> None:
    """Raises ValueError unless there is a factor, all are finite and 1 or more, and none is below the one before."""
    if not factors:
        raise ValueError("factors=[] is empty; give one number for each pair of channels")
    for number, each in enumerate(factors):
        check_range(f"factors[{number}]", each, 1.0)
    for number, (before, each) in enumerate(pairwise(factors), 1):
        if each < before:
            raise ValueError(
                f"factors[{number}]={each} is outside {before} .. ∞: a factor is never below the one before it"
            )


@dataclass(frozen=True, kw_only=True)
class Rescaling:
    """By how much each pair of channels is slowed down, for one model.

    method: the part that it was searched for. factors: λ of each pair, fastest first. trained, target: tokens that the
    model was made for, and that it shall read. first: n̂, tokens that keep the model's own rotation. critical: the
    pair from which on factors are at least target / trained, None where none was searched for.

    Raises ValueError for factors that cannot be.
    """

    method: str
    factors: tuple[float, ...]
    trained: int
    target: int
    first: int = 0
    critical: int | None = None

    def __post_init__(self) -> None:
        check_factors(self.factors)
        check_range("trained", self.trained, 2)
        check_range("target", self.target, self.trained)
        check_range("first", self.first, 0, self.target)
        if self.critical is not None:
            check_range("critical", self.critical, 0, len(self.factors) - 1)
            check_range(f"factors[{self.critical}]", self.factors[self.critical], self.scale)

    @property
    def scale(self) -> float:
        """s, the target over the trained length."""
        return self.target / self.trained

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, digest: str = "") -> Self:
        """What a file holds. digest: refuse a file of another one.

        Raises PlanError for a file that is missing, too large, changed, or holds something else.
        """
        try:
            content = _content(path)
        except OSError as error:
            raise PlanError(
                f"factors file {path} cannot be read ({error.strerror}); make one with longspan extend"
            ) from error
        if digest and digest != _digest(content):
            raise PlanError(
                f"factors file {path} has changed since the plan was written: its digest is {_digest(content)}, not "
                f"{digest}; leave digest out to use the new factors"
            )
        try:
            held = json.loads(content)
            return cls.of(held)
        except (ValueError, RecursionError) as error:
            raise PlanError(
                f"factors file {path} is not one that longspan extend wrote ({error}); make it again"
            ) from error

    @classmethod
    def of(cls, held: Any) -> Self:
        """From what JSON gave; ValueError where it is no rescaling. What it does not know is ignored."""
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        factors, method = held.get("factors"), held.get("method")
        if not isinstance(factors, list) or not isinstance(method, str):
            raise ValueError("it has no list of factors, or no method")
        check_factors(factors)
        return cls(
            method=method,
            factors=tuple(map(float, factors)),
            trained=_whole(held, "trained"),
            target=_whole(held, "target"),
            first=_whole(held, "first", 0),
            critical=None if held.get("critical") is None else _whole(held, "critical"),
        )

    def to_dict(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """As JSON can hold it. about: where it came from, for people."""
        return {
            "format": FORMAT,
            "method": self.method,
            "trained": self.trained,
            "target": self.target,
            "first": self.first,
            "critical": self.critical,
            "factors": list(self.factors),
            "search": dict(about),
        }


def digest_of(path: str | os.PathLike[str]) -> str:
    """16 digits for what a file holds now; nothing where it cannot be read."""
    try:
        return _digest(_content(path))
    except (OSError, ValueError):
        return ""


def _content(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read(_LARGEST)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _whole(held: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = held.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}={value!r} is not a whole number")
    return value

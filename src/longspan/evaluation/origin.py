"""Whose items a task asks: the benchmark's own, some made by its rules, or others in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

Origin: TypeAlias = Literal["published", "generated", "stand-in", "own"]

ORIGINS: Mapping[Origin, str] = {
    "published": "the benchmark's own items",
    "generated": "made here by the benchmark's rules",
    "stand-in": "made here in place of the benchmark's items, so figures are not the benchmark's",
    "own": "questions of your own",
}
"""Each origin in words."""

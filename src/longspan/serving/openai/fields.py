"""Fields of requests: those that change nothing here, those that are not offered, and those that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from longspan.serving.refused import Refused

HEADER = "x-longspan-ignored"
"""Of an answer: names of fields that had no effect."""

MEANINGLESS = frozenset(
    (
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
    )
)
"""Fields that say how OpenAI keeps, bills or checks a request."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOLD = 16


def ignored(fields: Mapping[str, Any], known: Collection[str]) -> dict[str, str]:
    """The header that names the fields of a request that had no effect, none where all had one."""
    names = [name for name in fields if name not in known and name not in MEANINGLESS]
    told = sorted(name for name in names if _NAME.fullmatch(name))[:_TOLD]
    if len(told) < len(names):
        told.append("...")
    return {HEADER: ", ".join(told)} if told else {}


def refuse(fields: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Raises Refused for a field that means something which is not offered. reasons: what to do instead, by name."""
    for name, reason in reasons.items():
        if fields.get(name) not in (None, False, [], {}):
            raise Refused(f"{name} is not offered; {reason}", code="unsupported_parameter", param=name)


def listed(value: Any) -> Sequence[Any]:
    """A list, or one value as a list of it."""
    return value if isinstance(value, list) else [value]

"""Sizes as an option gives them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "b": 1} | {
    f"{letter}{kind}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for kind, base in (("b", 1000), ("ib", 1024))
}


def read_bytes(option: str, text: str) -> int:
    """The bytes in `2GiB`, `500 MB` or `1000`. Raises ValueError, naming the option, for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError(
            f"{option}={text} is not a size; write {option} 2GiB, or with kB, MB, GB, KiB, MiB, TiB"
        )
    return int(float(match[1]) * _UNITS[match[2]])

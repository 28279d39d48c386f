"""The types of rotation that a config file names."""

from __future__ import annotations


def rope_types(config: dict[str, object]) -> set[str]:
    """Every type of rotation that a config file names, in old and new spelling, also in the configs inside it."""
    found: set[str] = set()
    for key, value in config.items():
        if not isinstance(value, dict):
            continue
        if key in ("rope_parameters", "rope_scaling"):
            for each in (value, *(part for part in value.values() if isinstance(part, dict))):
                named = each.get("rope_type", each.get("type"))
                if isinstance(named, str):
                    found.add(named)
        else:
            found |= rope_types(value)
    return found

"""Up to which length a model was found to read well, kept in the cache folder for those who choose how to read."""

from __future__ import annotations

import json
from contextlib import suppress

from longspan.atomic import write_text
from longspan.cache_folder import cache_folder, subfolder
from longspan.errors import LongspanError

_FOLDER = "effective"


def keep_effective(digest: str, plan: str, length: int) -> None:
    """Keeps what was measured of a model with this digest under a plan, in tokens; the last measurement stands."""
    if digest:
        known = _known(digest) | {plan: length}
        with suppress(OSError, LongspanError):  # a cache that cannot be written costs another measuring
            write_text(subfolder(_FOLDER) / f"{digest}.json", json.dumps(known, indent=1))


def effective_window(digest: str, plan: str) -> int | None:
    """Tokens, None where nothing was measured."""
    return _known(digest).get(plan)


def _known(digest: str) -> dict[str, int]:
    try:
        found = json.loads((cache_folder() / _FOLDER / f"{digest}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {plan: length for plan, length in found.items() if isinstance(length, int)}

"""The name of a context: equal names, equal contexts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from longspan.contexts.header import FORMAT
from longspan.running.inputs import named


def context_name(facts: Mapping[str, Any], tokens: Sequence[Sequence[int]]) -> str:
    """32 hexadecimal digits that stand for what was read, by which model, and how.

    facts: the model, the plan, and everything else that JSON can hold and that matters. tokens: of each sequence.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, facts], sort_keys=True).encode())
    digest.update(json.dumps([*map(named, tokens)], separators=(",", ":")).encode())
    return digest.hexdigest()[:32]

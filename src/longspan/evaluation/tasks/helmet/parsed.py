"""HELMET scores an answer as it is, and what it reads out of it, and takes the better."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from longspan.evaluation.metrics.text import best


def parsed(output: str, prefix: str = "Answer:") -> str:
    """What follows the prefix up to the end of the line, else the first line; the prefix itself is left out."""
    found = re.search(f"{prefix}(.*)(?:\n|$)", output, re.IGNORECASE) or re.search("^(.*)(?:\n|$)", output)
    line = found[1].strip() if found else ""
    return re.sub(f"^{prefix}", "", line, flags=re.IGNORECASE).strip()


def better(
    metric: Callable[[str, str], float], output: str, references: Iterable[str], prefix: str = "Answer:"
) -> float:
    """The larger `metric` of the output and of what is parsed, with the reference that suits best."""
    golds = tuple(references)
    return max(best(metric, said, golds) for said in (output, parsed(output, prefix)))

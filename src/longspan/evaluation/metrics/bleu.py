"""The share of an answer's runs of words that a reference has (https://aclanthology.org/P02-1040)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp


def bleu(output: Sequence[str], reference: Sequence[str], n: int) -> float:
    """Precision of runs of n words alone, each counted as often as the reference has it, times the brevity penalty.

    0 where no word, or no run of n, is in common.
    """
    said, gold = (Counter(_runs(words, n)) for words in (output, reference))
    common = (said & gold).total()
    if not common or not set(output) & set(reference):
        return 0.0
    penalty = 1.0 if len(output) > len(reference) else exp(1 - len(reference) / len(output))
    return penalty * common / said.total()


def _runs(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]

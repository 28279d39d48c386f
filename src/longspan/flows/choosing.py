"""Which of a few words a model would say next, by probability where it is known and else by what it says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.spans.logprobs import Logprobs
from longspan.usage import Usage

YES_OR_NO = ("YES", "NO")
VERDICT = 8
"""Tokens of a reply that is asked to be one of them, where there is only its text to go by."""

_EDGE = 0.01  # of a share, so that one that a server says outright has odds


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The share of each option, which together are 1; all alike where nothing is known. usage: what it took."""

    shares: tuple[float, ...]
    usage: Usage

    @property
    def odds(self) -> float:
        """ln of the odds of the first option."""
        share = min(max(self.shares[0], _EDGE), 1 - _EDGE)
        return math.log(share / (1 - share))


def by_likelihood(first: Logprobs, options: Sequence[str]) -> tuple[float, ...]:
    """Shares by the likeliest first tokens of a reply, each counted for the one option that it may begin."""
    found = [0.0] * len(options)
    for each in first.likeliest:
        begun = each.text.strip().casefold()
        meant = [number for number, option in enumerate(options) if option.casefold().startswith(begun)]
        if begun and len(meant) == 1:
            found[meant[0]] += math.exp(each.value)
    return _whole(found)


def by_words(text: str, options: Sequence[str]) -> tuple[float, ...]:
    """Shares by what is said: all of it for the option with which the reply begins."""
    said = [bool(re.match(rf"[\W_]*{re.escape(each)}(?!\w)", text, re.IGNORECASE)) for each in options]
    return _whole([float(each) for each in said])


def _whole(found: Sequence[float]) -> tuple[float, ...]:
    total = sum(found)
    return tuple(each / total if total else 1 / len(found) for each in found)

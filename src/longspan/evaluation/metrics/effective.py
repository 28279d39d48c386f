"""How far a model's scores hold as the length grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from longspan.credit import Credit

CREDITS = (Credit(kind="metric", name="effective", field=222),)

BASE_UP_TO = 1024
"""Lengths, in tokens, that count as short."""

SHARE = 0.85
"""The part of the base score that a length must have to hold."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """How far scores hold.

    length: the longest measured length at which, as at all shorter ones, they do; 0 if not even at the shortest.
    fails_at: the shortest measured length at which they do not, the point of failure; None if there is none.
    """

    length: int
    fails_at: int | None


def base_score(scores_by_length: Mapping[int, float]) -> float:
    """The best score at a short length, as NoLiMa takes it from 250, 500 and 1,000 tokens.

    Raises ValueError where no length up to 1,024 was measured.
    """
    short = [score for length, score in scores_by_length.items() if length <= BASE_UP_TO]
    if not short:
        lengths = ", ".join(map(str, sorted(scores_by_length))) or "none"
        raise ValueError(
            f"scores_by_length has the lengths {lengths}, none of 1 .. {BASE_UP_TO} for the base score; measure at "
            "250, 500 or 1000 too, or give base"
        )
    return max(short)


def effective_length(
    scores_by_length: Mapping[int, float], *, base: float | None = None, share: float = SHARE
) -> int:
    """The longest measured length whose score is at least `share` of the base score, also beyond a weaker length.

    As in NoLiMa (https://arxiv.org/abs/2502.05167). scores_by_length: mean score, 0 to 1, by length in tokens. base:
    the score to compare with, `base_score` if None. 0 where no length holds, as when the base score is 0. Raises
    ValueError for a share outside 0 .. 1 and where there is no base.
    """
    return max((length for length, holds in _holding(scores_by_length, base, share) if holds), default=0)


def effective_window(
    scores_by_length: Mapping[int, float], *, base: float | None = None, share: float = SHARE
) -> Window:
    """The maximum effective context window, and the point of failure. https://arxiv.org/abs/2509.21361

    Unlike `effective_length` it ends before the first length that fails. Parameters and errors as there; what counts
    as failing, less than `share` of the base score, is NoLiMa's and not the paper's own test.
    """
    length = 0
    for each, holds in _holding(scores_by_length, base, share):
        if not holds:
            return Window(length=length, fails_at=each)
        length = each
    return Window(length=length, fails_at=None)


def _holding(
    scores_by_length: Mapping[int, float], base: float | None, share: float
) -> list[tuple[int, bool]]:
    if not 0 < share <= 1:
        raise ValueError(f"share={share} is outside 0 < share <= 1; choose such a part of the base score")
    wanted = share * (base_score(scores_by_length) if base is None else base)
    return [(length, score >= wanted > 0) for length, score in sorted(scores_by_length.items())]

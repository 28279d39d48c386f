"""Parallel Context Windows: texts at the same positions, all seen by what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from longspan.parameters import check_choice
from longspan.registry import Card
from longspan.windows.base import Windows

CARD = Card(
    name="pcw",
    target="longspan.windows.pcw:PCW",
    paper="Parallel Context Windows for Large Language Models",
    link="https://arxiv.org/abs/2212.10947",
    year=2022,
    training=False,
    changes="Reads texts side by side at the same positions; what follows stands behind the longest and sees them all.",
    field=(239,),
)


@dataclass(frozen=True, kw_only=True)
class PCW(Windows):
    """Texts side by side, each alone in a window. https://arxiv.org/abs/2212.10947

    Each text is read from the position behind what all share, such as the begin token, which is held once: the paper
    keeps it of the longest window only. What follows begins behind the longest window, sees everything, and so a
    window of the model holds several times as much. Nothing is trained, and a model has never seen several keys at one
    distance: questions that need several windows together come out worse (https://arxiv.org/abs/2305.15262), and
    `window-ensemble` is the simpler way to ask them all.
    """

    align: Literal["left", "right"] = "left"
    """Whether windows begin at the same position, or end at it."""

    def __post_init__(self) -> None:
        check_choice("align", self.align, get_args(Literal["left", "right"]))

    def begins(self, lengths: Sequence[int]) -> list[int]:
        """All at one position, or so that all end at one."""
        return ending_together(lengths) if self.align == "right" else [0] * len(lengths)


def ending_together(lengths: Sequence[int]) -> list[int]:
    """Where texts begin so that they end where the longest does."""
    return [max(lengths) - length for length in lengths]

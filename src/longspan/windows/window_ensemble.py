"""An ensemble of windows: what follows is read after each alone, and the next token is drawn from their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from longspan.parameters import check_choice
from longspan.registry import Card
from longspan.windows.base import Windows

CARD = Card(
    name="window-ensemble",
    target="longspan.windows.window_ensemble:WindowEnsemble",
    paper="Revisiting Parallel Context Windows: A Frustratingly Simple Alternative and Chain-of-Thought Deterioration",
    link="https://arxiv.org/abs/2305.15262",
    year=2023,
    training=False,
    changes="Reads what follows after each window alone, and draws from the weighted sum of their distributions.",
    field=(239,),
)


@dataclass(frozen=True, kw_only=True)
class WindowEnsemble(Windows):
    """The weighted sum of what the model says after each window. https://arxiv.org/abs/2305.15262

    What follows is read behind each window; the probabilities of the next token are the sum of those of all windows,
    each times its weight, and the token that is drawn goes on behind all of them. The paper finds it as good as
    parallel windows where labels are to be told. It costs the question once a window, and memory likewise.
    """

    weights: Literal["equal", "tokens"] = "equal"
    """What each window has to say: all as much, or as much as it has tokens."""

    def __post_init__(self) -> None:
        check_choice("weights", self.weights, get_args(Literal["equal", "tokens"]))

    def shares(self, lengths: Sequence[int]) -> list[float] | None:
        """One for each window."""
        counts = lengths if self.weights == "tokens" else [1] * len(lengths)
        return [count / sum(counts) for count in counts]

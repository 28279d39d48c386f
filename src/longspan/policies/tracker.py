"""What a scorer gathers while text passes through a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.policies.statistics import Statistics
from longspan.policies.view import View


class Tracker(Statistics, ABC):
    """Statistics of one layer of one sequence. What it holds per entry follows the entries that stay."""

    @abstractmethod
    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Some tokens have passed through the layer and are stored.

        view: the layer with exactly these tokens' queries, `view.queries [heads, n, dim]` at
        `view.query_positions [n]`; `view.received()` and `view.strongest()` sum their weights up, and
        `view.attention(rows)` gives those of a few. raw: the same queries before rotation. rehearsed: whether they are
        of a rehearsal, whose entries will be forgotten (they are the last entries of the view, at positions from
        `view.scene.seen` on).
        """


@dataclass(frozen=True, kw_only=True)
class Tracking(ABC):
    """What is to be gathered. Policies with equal trackings share one tracker.

    late: whether all of it is gathered in rehearsals, so that it can begin when the text has been read.
    """

    late: ClassVar[bool] = False

    @abstractmethod
    def tracker(self) -> Tracker:
        """A fresh tracker, for one layer of one sequence."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """The text of one sequence, for policies that have the model read something more before they act.

    ids: what was read, up to a known question. question: the tokens at the end of the prompt that ask, for a guided
    policy, empty where none are known. encode: text to tokens. chunk: tokens that pass
    through the model at a time. reply: the tokens between a user's words and the assistant's.
    """

    ids: Sequence[int]
    question: Sequence[int]
    encode: Callable[[str], list[int]]
    chunk: int
    reply: Sequence[int] = ()

"""Finch: what the question attends to, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.gathering import gathered
from longspan.policies.tracker import Script, Tracker, Tracking
from longspan.policies.view import View
from longspan.registry import Card


def guidance(view: View, *, normalize: bool) -> Tensor:
    """Weight of each entry, summed over the view's queries, mean over the group: fp32 `[kv_heads, n]`.

    normalize: whether a query's weights are multiplied with the number of entries that it sees.
    """
    if not normalize:
        return view.received()
    rows = zip(view.positions, view.lengths, strict=True)
    seen = [torch.searchsorted(at[:length], view.query_positions, right=True) for at, length in rows]
    return view.received(torch.stack(seen).float())


class Guided(Tracker):
    """What the question pays to the entries before it, from its rehearsal until the next token is read.

    summed `[kv_heads, n]`, over `queries` tokens of the question.
    """

    def __init__(self, normalize: bool) -> None:
        self.normalize = normalize
        self.summed, self.queries = torch.empty(0, 0), 0

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Adds the question's weights; what is read makes them outdated."""
        if not rehearsed or int(view.query_positions[0]) == view.scene.seen:
            self._forget()
        if rehearsed:
            asked = int(view.query_positions[-1]) + 1 - view.scene.seen
            paid = guidance(view, normalize=self.normalize).masked_fill(
                view.positions >= view.scene.seen, 0.0
            )
            paid = paid[:, : view.positions.shape[1] - asked]
            self.summed = self.summed + paid if self.queries else paid.clone()
            self.queries = asked

    def keep(self, kept: Sequence[Tensor]) -> None:
        """The weights have been used."""
        self._forget()

    def tensors(self) -> dict[str, Tensor]:
        """The weights, and of how many tokens they are."""
        return {"summed": self.summed, "queries": torch.tensor(self.queries)} if self.queries else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self._forget()
        if tensors:
            self.summed, self.queries = tensors["summed"], int(tensors["queries"])

    def _forget(self) -> None:
        self.summed, self.queries = torch.empty(0, 0), 0


@dataclass(frozen=True, kw_only=True)
class Guidance(Tracking):
    """What the question pays; normalize: as in `guidance`."""

    normalize: bool

    def tracker(self) -> Guided:
        """Before any question."""
        return Guided(self.normalize)


CARD = Card(
    name="finch",
    target="longspan.policies.finch:Finch",
    paper="Finch: Prompt-guided Key-Value Cache Compression",
    link="https://arxiv.org/abs/2408.00167",
    year=2024,
    training=False,
    changes="Keeps, chunk by chunk, the entries to which the question attends, which it knows in advance.",
    field=(94,),
)


@dataclass(frozen=True, kw_only=True)
class Finch(Policy):
    """After each chunk, the entries to which the question attends. https://arxiv.org/abs/2408.00167

    The question is read after each chunk and forgotten again; at the end it is read for good and stays.
    Deviations: keys keep their true positions (the authors re-assign them within the cache: positions=in- cache);
    weights are averaged over the query heads of a group, not summed over all heads, so that heads keep their own
    entries, as in kvpress.
    """

    guided: ClassVar[bool] = True

    when: Literal["end", "chunk"] = "chunk"
    normalize: bool = True
    """Whether the weights of each token of the question are multiplied with the number of entries that it sees,
    which is more for its later tokens.
    """
    window: int = 64
    """The last queries that stand in where no question is known; as in SnapKV, their own entries then stay."""

    def __post_init__(self) -> None:
        check_range("window", self.window, 1)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The window."""
        return self.window

    @property
    def observed(self) -> int:
        """The window."""
        return self.window

    @property
    def tracking(self) -> Guidance:
        """What the question pays."""
        return Guidance(normalize=self.normalize)

    @property
    def rehearses(self) -> bool:
        """The question is read once more."""
        return True

    def rehearsals(self, script: Script) -> Iterable[Sequence[int]]:
        """The question, where it is known."""
        return (script.question,) if len(script.question) else ()

    def scores(self, view: View) -> Tensor:
        """Mean over the question's tokens; without a question over the window, with +∞ inside it."""
        guided = gathered(view, Guided)
        if guided.queries:
            return guided.summed / guided.queries
        paid = guidance(view, normalize=self.normalize) / view.queries.shape[1]
        return paid.masked_fill(view.positions >= view.scene.seen - self.window, torch.inf)

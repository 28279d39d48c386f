"""Which tokens a layer keeps shifts with the layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from math import ceil

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.view import View
from longspan.registry import Card
from longspan.store.state import State


class Cursor(State):
    """How many of the oldest entries of a layer lie on rungs since ladders last began with the oldest."""

    def __init__(self) -> None:
        self.at = 0

    def tensors(self) -> dict[str, Tensor]:
        """The number."""
        return {"at": torch.tensor(self.at)} if self.at else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self.at = int(tensors["at"]) if tensors else 0


CARD = Card(
    name="ladder",
    target="longspan.policies.allocators.ladder:Ladder",
    paper="LaCache: Ladder-Shaped KV Caching for Efficient Long-Context Modeling of Large Language Models",
    link="https://arxiv.org/abs/2507.14204",
    year=2025,
    training=False,
    changes="Lets the tokens that a layer keeps shift with the layer.",
    field=(150,),
)


@dataclass(frozen=True, kw_only=True)
class Ladder(Uniform):
    """A ladder over the text, a rung of a few tokens for each layer. https://arxiv.org/abs/2507.14204

    As in the authors' code, ladders are laid from where the last ones ended, as many as bring the layer to its budget,
    and leave out as many last entries as there are layers. Where they have come to these, they start over with the
    oldest, and where one round would not do they are widened, so that other layers keep other tokens. A layer is then
    at its budget or less by up to what one ladder leaves out, and half of that is added to the budget, so that it is
    the mean.
    Only entries that need not stay lie on ladders; what is off the rungs goes whatever its score (which decides only
    where the budget is too small for a ladder). Deviations: entries stay in the text's order and stand once, where the
    authors' code with overlap may turn them round and repeat one; where it fails, since the ladder would have to be
    widened beyond what it leaves out at the end, several rounds are made.
    """

    span: int = 16
    """Layers that keep a token."""
    overlap: int = 0
    """Layers that a token shares with the next one. A ladder is as many tokens as it takes to cover all layers, 1 +
    ⌈(layers − span) / (span − overlap)⌉; of each a layer keeps ⌈span / (span − overlap)⌉, from a place on that
    shifts with the layer. With span ≥ layers, every layer keeps every token, and scores alone decide.
    """

    def __post_init__(self) -> None:
        check_range("span", self.span, 1)
        check_range("overlap", self.overlap, 0, self.span - 1)

    def state(self) -> Cursor:
        """At the oldest entry."""
        return Cursor()

    def layer_budget(self, budget: int, view: View) -> int:
        """Half a ladder's cut more."""
        ladder, rung = self._sizes(view)
        return budget + (ladder - rung) // 2

    def reshape(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """Ranks: entries on the rungs come before all that are not, then scores decide."""
        ranks = scores.argsort(dim=1, stable=True).argsort(dim=1).to(scores.dtype)
        for row, (places, _) in zip(ranks, self._laid(scores, budget, view), strict=True):
            row[places] += scores.shape[1]
        return scores.where(scores.isinf(), ranks)

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """What must stay and what is on the rungs; ladders have come so far."""
        laid = list(self._laid(scores, budget, view))
        if isinstance(view.allocation, Cursor):
            view.allocation.at = laid[0][1]
        fixed = scores.isposinf().sum(1)
        return fixed + torch.tensor([len(places) for places, _ in laid], device=scores.device)

    def _sizes(self, view: View) -> tuple[int, int]:
        """Tokens of a ladder, and those of it that a layer keeps."""
        step = self.span - self.overlap
        ladder = 1 + max(0, ceil((view.scene.places - self.span) / step))
        return ladder, min(ceil(self.span / step), ladder)

    def _laid(self, scores: Tensor, budget: int, view: View) -> Iterator[tuple[Tensor, int]]:
        """Of each row the places, ascending, of the entries that stay without having to, and how far ladders come."""
        ladder, rung = self._sizes(view)
        begun = view.allocation.at if isinstance(view.allocation, Cursor) else 0
        sizes = {"layer": view.scene.place, "layers": view.scene.places, "ladder": ladder, "rung": rung}
        climb = cache(partial(climbed, begun=begun, **sizes))
        for row, fixed in zip(scores, scores.isposinf().sum(1).tolist(), strict=True):
            free, at = row.isfinite().nonzero().flatten(), begun
            room = max(0, budget - fixed)
            if rung < ladder and rung <= room < len(free):
                kept, at = climb(len(free), room)
                free = free[kept.to(free.device)]
            if len(free) > room:
                free = free[row[free].topk(room).indices.sort().values]
            yield free, at


def climbed(
    entries: int, room: int, *, begun: int, layer: int, layers: int, ladder: int, rung: int
) -> tuple[Tensor, int]:
    """The entries, of so many, that a layer keeps to come within its room, and how many of them lie on rungs then.

    begun: how many of the oldest lie on rungs already. rung < ladder: tokens that a layer keeps of a ladder's. More
    than `room` are returned only where there is room for no ladder.
    """
    tail = min(layers, room - rung)  # last entries that no ladder takes
    begun, cut = min(begun, room - tail), ladder - rung
    ladders = min(ceil((entries - room) / cut), (room - tail - begun) // rung, (entries - begun) // ladder)
    kept = on_rungs(entries, begun, layer % (cut + 1), ladder, ladders, range(rung))
    begun += ladders * rung
    possible = (room - tail) // rung
    while (surplus := len(kept) - room) > 0:
        times = ceil(surplus / (possible * cut))
        width = ladder + (times - 1) * (ladder - 1)
        ladders = ceil(surplus / (width - rung))
        farthest = min(layers - 1, width - rung) + width * (ladders - 1) + times * (rung - 1)
        if farthest >= len(kept):
            times = max(1, (tail + 1 - cut) // (ladder - 1) + 1)
            width = ladder + (times - 1) * (ladder - 1)
            ladders = min(ceil(surplus / (width - rung)), possible, len(kept) // width)
            if ladders == 0:
                return kept, 0
        first = layer % (width - rung + 1)
        kept = kept[on_rungs(len(kept), 0, first, width, ladders, range(0, times * rung, times))]
        begun = ladders * rung
    return kept, begun


def on_rungs(entries: int, start: int, first: int, width: int, ladders: int, steps: range) -> Tensor:
    """Places of entries before `start`, on `ladders` ladders from there on, and behind them; ascending, each once."""
    offsets = torch.arange(ladders)[:, None] * width + first + torch.tensor(list(steps))
    rungs = start + offsets.flatten()
    behind = torch.arange(min(start + width * ladders, entries), entries)
    places: Tensor = torch.cat((torch.arange(start), rungs[rungs < entries], behind)).unique()
    return places

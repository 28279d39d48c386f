"""Events: cut where a token surprises the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.parameters import check_choice, check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Grouping, Groups
from longspan.selectors.groupings.runs import RunGroups

REFINEMENTS = ("none", "modularity", "conductance")


CARD = Card(
    name="events",
    target="longspan.selectors.groupings.events:Events",
    paper="Human-like Episodic Memory for Infinite Context LLMs",
    link="https://arxiv.org/abs/2407.09450",
    year=2024,
    training=False,
    changes="Entries are cut into events where a token surprises the model.",
)


@dataclass(frozen=True, kw_only=True)
class Events(Grouping):
    """Events of EM-LLM, https://arxiv.org/abs/2407.09450: one begins at a token with −log p > μ + γσ.

    Events are formed as soon as `longest` entries wait for it.
    """

    surprised: ClassVar[bool] = True

    gamma: float = 1.0
    """γ, standard deviations of the surprise above its mean at which an event begins."""
    window: int = 4096
    """How many tokens before it μ and σ are of."""
    shortest: int = field(default=8, metadata={"formerly": "least"})
    """Entries of an event at least."""
    longest: int = field(default=128, metadata={"formerly": "most"})
    """Entries of an event at most; events are formed as soon as so many wait."""
    refine: Literal["none", "modularity", "conductance"] = "none"
    """Moves each boundary back to where the similarity of keys, key · key summed over the rows, splits best:
    "modularity" (largest) or "conductance" (smallest) of the entries on both sides, half an event around them.
    As in the authors' code, the boundary as it was is not tried, the conductance of a side is cut / min(v, total
    − v) with v the similarities inside it, that of a split is the smaller of its two sides', and σ is that of
    the sample.
    """

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, None)
        check_range("window", self.window, 2)
        check_range("shortest", self.shortest, 1)
        check_range("longest", self.longest, self.shortest)
        check_choice("refine", self.refine, REFINEMENTS)

    def groups(self, sinks: int) -> Groups:
        """No events yet."""
        return EventGroups(sinks, self)


class EventGroups(RunGroups):
    """Events, from one surprising token to the next."""

    def __init__(self, sinks: int, events: Events) -> None:
        super().__init__(sinks)
        self._events = events

    def ends(self, visit: Visit, start: int, stop: int) -> list[list[int]]:
        """Surprising tokens, brought to the sizes that are allowed."""
        events = self._events
        if stop - start < events.longest:
            return [[]]
        surprise = visit.scene.surprise()
        if surprise is None:
            raise RuntimeError("events need the surprise of tokens, and this session does not measure it")
        positions = visit.positions()[:, start:stop]
        if bool((positions == positions[:1]).all()):
            positions = positions[:1]
        cuts = surprising(surprise, events.gamma, events.window, int(positions.min()))
        found = []
        for row in positions.to(cuts.device):
            borders = (cuts[row].nonzero()[:, 0] + start).tolist()
            if events.refine != "none":
                borders = self._refined(borders, visit, start, stop)
            found.append(self._sized(borders, start, stop))
        return found

    def _sized(self, borders: list[int], start: int, stop: int) -> list[int]:
        """Small events join the next one, large ones are cut; what comes after the last border waits."""
        events, ends, begin = self._events, [], start
        for border in [*borders, stop]:
            while border - begin >= events.longest:
                begin += events.longest
                ends.append(begin)
            if border < stop and border - begin >= events.shortest:
                begin = border
                ends.append(begin)
        return ends

    def _refined(self, borders: list[int], visit: Visit, start: int, stop: int) -> list[int]:
        """Each border moved to the best split between the one before it and itself."""
        before, moved = start, []
        for border in borders:
            if border - before > self._events.shortest:
                half = (border - before) // 2
                low, high = max(start, before - half), min(stop, border + half)
                keys = visit.keys(low, high).float()
                quality = splits(torch.matmul(keys, keys.transpose(1, 2)).sum(0), self._events.refine)
                first = before + self._events.shortest
                border = first + int(quality[first - low : border - low].argmax())
            before = border
            moved.append(border)
        return moved


def surprising(surprise: Tensor, gamma: float, window: int, first: int) -> Tensor:
    """Which tokens begin an event, bool `[n]`; for those from `first` on, all earlier ones are false."""
    low = max(0, first - window)
    values = surprise[low:].double()
    sums = torch.nn.functional.pad(torch.stack((values, values.square())).cumsum(1), (1, 0))
    place = torch.arange(len(values), device=values.device)
    since = (place - window).clamp(min=0)
    count = place - since
    mean, square = (sums[:, place] - sums[:, since]) / count.clamp(min=1)
    variance = (square - mean.square()).clamp(min=0) * count / (count - 1).clamp(min=1)
    threshold = mean + gamma * variance.sqrt()
    cuts = torch.zeros(len(surprise), dtype=torch.bool, device=surprise.device)
    cuts[low:] = (values > threshold) & (count > 1)
    cuts[:first] = False
    return cuts


def splits(similarity: Tensor, measure: str) -> Tensor:
    """How good it is to split `[n, n]` in front of each entry: `[n]`, the first entry's split is the worst."""
    inner = similarity.cumsum(0).cumsum(1).diagonal()  # of the first t + 1 entries among themselves
    total = similarity.sum()
    left = torch.nn.functional.pad(inner, (1, 0))[:-1]
    degrees = torch.nn.functional.pad(similarity.sum(1).cumsum(0), (1, 0))[:-1]
    right = total - 2 * degrees + left
    if measure == "modularity":
        # (inside − expected) of both communities, over 4m with 2m = total
        quality = (left + right - (degrees.square() + (total - degrees).square()) / total) / (2 * total)
    else:
        cut, volumes = degrees - left, torch.stack((left, right))
        smaller = torch.minimum(volumes, total - volumes)
        quality = -(cut / smaller.where(smaller != 0, 1e-15)).amin(0)
    quality[0] = -torch.inf
    return quality

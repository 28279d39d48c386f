"""Mean keys, with the groups that they describe worst always visited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.digests.mean import Means
from longspan.selectors.groupings.base import Formed
from longspan.store.group import Exact
from longspan.store.state import State

CARD = Card(
    name="landmarks",
    target="longspan.selectors.digests.landmarks:Landmarks",
    paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
    link="https://arxiv.org/abs/2410.21465",
    year=2024,
    training=False,
    changes="A group is known by its mean key, and always visited where that describes it badly.",
)


@dataclass(frozen=True, kw_only=True)
class Landmarks(Digest):
    """The mean key of each group, but outliers, of ShadowKV, https://arxiv.org/abs/2410.21465.

    Means and cosines are of the keys as they came where the codec keeps recent entries whole; with chunks of equal
    size, the keys of outliers are then held as they came besides, so that queries match them exactly.
    """

    early: ClassVar[bool] = True

    outliers: int = 48
    """How many groups of each KV head are visited by every query: those in which a key has the smallest cosine with
    the mean.
    """

    def __post_init__(self) -> None:
        check_range("outliers", self.outliers, 0)

    def digests(self) -> Digests:
        """No landmarks yet."""
        return LandmarkKeys(self.outliers)


class LandmarkKeys(Means):
    """Per group its mean key, and how far its farthest key is from it."""

    def __init__(self, outliers: int) -> None:
        super().__init__()
        self._outliers = outliers
        self._likeness = Column()
        self._always: Tensor | None = None
        self._exact: Exact | None = None

    def add(self, formed: Formed, visit: Visit) -> None:
        """The landmarks of further groups; the outliers are chosen anew among all."""
        super().add(formed, visit)
        keys = formed.keys.float()
        near = (
            self.means.value[:, -formed.count :]
            .float()
            .gather(1, formed.labels[..., None].expand(keys.shape))
        )
        cosine = torch.cosine_similarity(near, keys, dim=-1)
        self._likeness.append(formed.reduce(cosine[..., None], "amin")[..., 0])
        likeness = self._likeness.value
        few = min(self._outliers, likeness.shape[1])
        if few == 0:
            return
        former = 0 if self._always is None else self._always.shape[1]
        if self._always is not None:  # a group that was none stays none, also where it equals one
            old = likeness[:, :former].masked_fill(~self._always, torch.inf)
            likeness = torch.cat((old, likeness[:, former:]), 1)
        worst = likeness.topk(few, largest=False).indices.sort().values
        none = torch.zeros_like(likeness, dtype=torch.bool)
        self._always = none.scatter_(1, worst, True)
        if self._exact is not None or (former == 0 and visit.fresh and isinstance(formed.sizes, int)):
            self._hold(worst, formed, visit)

    def _hold(self, worst: Tensor, formed: Formed, visit: Visit) -> None:
        """Holds the keys of the outliers `[rows, k]`: those held before, and those of the groups just formed."""
        if visit.raw is None or not isinstance(formed.sizes, int):
            raise ValueError("keys are held of groups of one size, which the store shows as it holds them")
        size = formed.sizes
        first = formed.stop - self._likeness.value.shape[1] * size
        inside = torch.arange(size, device=worst.device)
        entries = (first + worst[..., None] * size + inside).flatten(1)
        known = torch.arange(formed.start, formed.stop, device=worst.device).expand(len(worst), -1)
        keys = visit.raw(formed.start, formed.stop)
        if self._exact is not None:
            known = torch.cat((self._exact.entries, known), 1)
            keys = torch.cat((self._exact.keys, keys), 1)
        place = torch.searchsorted(known.contiguous(), entries)
        held = keys.gather(1, place[..., None].expand(-1, -1, keys.shape[-1]))
        self._exact = Exact(entries=entries, keys=held)

    @property
    def exact(self) -> Exact | None:
        """The keys of the outliers, once there are some that came as they were."""
        return self._exact

    def always(self) -> Tensor | None:
        """The outliers."""
        return self._always

    @property
    def parts(self) -> dict[str, State]:
        """Landmarks and likenesses."""
        return super().parts | {"likeness": self._likeness}

    def tensors(self) -> dict[str, Tensor]:
        """With the outliers."""
        held = super().tensors() | ({} if self._always is None else {"always": self._always})
        if self._exact is not None:
            held |= {"exact.entries": self._exact.entries, "exact.keys": self._exact.keys}
        return held

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self._always = tensors.get("always")
        held = {name: tensors[f"exact.{name}"] for name in ("entries", "keys") if f"exact.{name}" in tensors}
        self._exact = Exact(**held) if held else None

    @property
    def nbytes(self) -> int:
        """With the outliers."""
        held = [] if self._exact is None else [self._exact.entries, self._exact.keys]
        held += [] if self._always is None else [self._always]
        return super().nbytes + sum(tensor.nbytes for tensor in held)

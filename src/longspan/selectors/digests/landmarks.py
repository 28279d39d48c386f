"""Mean keys, with the groups that they describe worst always visited."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.digests.mean import Means
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State


@dataclass(frozen=True, kw_only=True)
class Landmarks(Digest):
    """The mean key of each group, but outliers, of ShadowKV, https://arxiv.org/abs/2410.21465.

    outliers: how many groups of each KV head are visited by every query: those in which a key has the smallest
    cosine with the mean.
    """

    outliers: int = 48

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
        worst = likeness.topk(few, largest=False).indices
        none = torch.zeros_like(likeness, dtype=torch.bool)
        self._always = none.scatter_(1, worst, True) if few else None

    def always(self) -> Tensor | None:
        """The outliers."""
        return self._always

    @property
    def parts(self) -> dict[str, State]:
        """Landmarks and likenesses."""
        return super().parts | {"likeness": self._likeness}

    def tensors(self) -> dict[str, Tensor]:
        """With the outliers."""
        return super().tensors() | ({} if self._always is None else {"always": self._always})

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self._always = tensors.get("always")

    @property
    def nbytes(self) -> int:
        """With the outliers."""
        return super().nbytes + (0 if self._always is None else self._always.nbytes)

"""The contract of a disposer: what becomes of the entries that are not kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.policies.view import View
from longspan.store.form import Form
from longspan.store.layer import LayerStore
from longspan.store.medium import Medium


@dataclass(frozen=True, kw_only=True)
class Disposer(ABC):
    """Base of all disposers."""

    @abstractmethod
    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Brings the store down to the kept entries.

        kept: per row the ascending indices that stay. scores: fp32 `[kv_heads, n]`, as the policy ranked by them.
        view: the layer before anything goes; where the store keeps keys raw, `store.vectors()` has them as stored.
        Returns what did stay of each row, which is more than `kept` where the others did not fill a block.
        """

    def rest(self) -> tuple[Form, Medium] | None:
        """A fresh form and the medium of entries that are demoted; None where nothing is."""
        return None

"""Dynamic NTK: the base grows with the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.parameters import check_range
from longspan.positions.base import KeyMap, Positions, Rope
from longspan.positions.ntk import NTK


@dataclass(frozen=True, kw_only=True)
class DynamicNTK(Positions):
    """b' = b · (s·l/L − (s − 1))^(r/(r−2)) once the length so far, l, exceeds the trained window L; b before that.

    Described in https://arxiv.org/abs/2309.00071 (section 3.3), where s is 1 and each length has the base that NTK
    gives it; the formula with an s is that of transformers. Keys are stored before their rotation and turned with
    the base of the pass that looks at them; implementations that store them rotated leave old keys at old bases. What
    the layers below made of earlier tokens was made with the base of that time, so that beyond the window the logits
    depend on the chunk, and equal those of one pass over everything only if the text is one chunk. On a model whose
    config already scales its frequencies, the stretch is applied on top of these.

    factor: s; above 1, the base grows faster than the text.
    """

    dynamic: ClassVar[bool] = True

    factor: float = 1.0

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1.0)

    def fitted(self, length: int, trained: int) -> Positions:
        """The scheme at this length."""
        return _AtLength(factor=1.0 + self.factor * (max(length / trained, 1.0) - 1.0))

    def key_map(self, rope: Rope) -> KeyMap | None:
        """None: keys are rotated anew in each pass."""
        return None

    def window(self, trained: int) -> int | None:
        """None: the base follows the text."""
        return None


@dataclass(frozen=True, kw_only=True)
class _AtLength(NTK):
    """NTK with the factor of one length, and keys that another length may still turn."""

    dynamic: ClassVar[bool] = True

    def key_map(self, rope: Rope) -> KeyMap | None:
        return None

    def window(self, trained: int) -> int | None:
        return None

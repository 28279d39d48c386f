"""What schemes have in common whose frequencies follow the text while it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.base import KeyMap, Positions, Rope


@dataclass(frozen=True, kw_only=True)
class Following(Positions):
    """Base of schemes that are fitted anew in every pass, with the length so far.

    Keys are stored before their rotation and turned with the frequencies of the pass that looks at them;
    implementations that store them rotated leave old keys at old frequencies. What the layers below made of earlier
    tokens was made with the frequencies of that time, so that beyond the window the logits depend on the chunk, and
    equal those of one pass over everything only if the text is one chunk. On a model whose config already scales its
    frequencies, the stretch is applied on top of these.
    """

    dynamic: ClassVar[bool] = True

    def key_map(self, rope: Rope) -> KeyMap | None:
        """None: keys are rotated anew in each pass."""
        return None

    def window(self, trained: int) -> int | None:
        """None: the frequencies follow the text."""
        return None

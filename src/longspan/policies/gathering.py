"""What the trackers of this room have in common: a number per entry, and being found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.policies.tracker import Tracker
from longspan.policies.view import View

T = TypeVar("T", bound=Tracker)


def gathered(view: View, kind: type[T]) -> T:
    """The tracker of the policy that scores this view; LookupError where it has not watched the text."""
    if not isinstance(view.tracker, kind):
        raise LookupError(
            f"the view of layer {view.scene.layer} has no {kind.__name__}, which the policy gathers while text is "
            "read; read the text in a session that has the policy"
        )
    return view.tracker


class PerEntry(Tracker):
    """A tracker with one fp32 number per entry, which follows the entries that stay.

    blank: the number of an entry of which nothing is known.
    """

    blank: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self.held = torch.empty(0, 0)

    def numbers(self, view: View) -> Tensor:
        """`[kv_heads, n]`; blank for new entries, and behind the end of a shorter row."""
        rows, entries = view.positions.shape
        held = self.held if len(self.held) else torch.empty(rows, 0, device=view.positions.device)
        return pad(held, (0, entries - held.shape[1]), value=self.blank)

    def keep(self, kept: Sequence[Tensor]) -> None:
        """The numbers of the entries that stay."""
        if len(self.held):
            longest = max(map(len, kept))
            needed = max((int(index[-1]) + 1 for index in kept if len(index)), default=0)
            held = pad(self.held, (0, max(0, needed - self.held.shape[1])), value=self.blank)
            self.held = torch.stack(
                [
                    pad(row[index], (0, longest - len(index)), value=self.blank)
                    for row, index in zip(held, kept, strict=True)
                ]
            )

    def tensors(self) -> dict[str, Tensor]:
        """The numbers."""
        return {"numbers": self.held} if len(self.held) else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self.held = tensors.get("numbers", torch.empty(0, 0))

"""How far each group of channel pairs can turn before the model no longer finds what it has read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from longspan.errors import UnsupportedModel
from longspan.plan import Plan
from longspan.positions.base import Piece, Positions, Rope, unchanged
from longspan.positions.dpe import GROUPS, by_pair
from longspan.profiles.prose import Recital, recital
from longspan.profiles.reading import full_layers
from longspan.running.reader import Reader
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LENGTH = 1024
"""Tokens that are read, fewer where the model's window is smaller."""

FARTHEST = 16
"""The longest effective length that is looked for, in trained windows."""

TOLERANCE = 0.1
"""Nats that a token of a passkey may cost more where a group is stretched and still works."""

RECALLED = 2.0
"""Nats that a token of a passkey may cost where nothing is stretched."""


def shape(seam: Seam) -> tuple[int, ...]:
    """Of the lengths."""
    return (GROUPS,)


def measure(seam: Seam, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Effective length of each of eight equal groups of channel pairs in tokens, fp32 `[8]`, the fastest pairs first.

    After DPE, https://arxiv.org/abs/2504.18857, which has a model find needles in texts of the target length, with all
    groups but one pressed well into the trained window, and tries scales for that one. Here the text is short and one
    group is stretched instead: beyond a near neighbourhood, an eighth of the text, its distances count 2, 4, 8 ...
    times, those of the other groups as they are. A length works while the passkeys of a recital cost the model at most
    0.1 nats a token more than without stretching; the longest one is found by bisection, between 7/8 of the text and
    16 trained windows. That is three or four readings of 1024 tokens a group, on a text of one kind, and it does not
    see what a group loses when many neighbours share a position.

    Raises UnsupportedModel for a model that cannot recite even without stretching.
    """
    if not full_layers(seam):
        return torch.full(shape(seam), float(seam.window))
    text = recital(tokenizer, min(seam.window, LENGTH))
    near = len(text.ids) // 8
    reach = len(text.ids) - near
    allowed = loss(seam, text, Positions())
    if allowed > RECALLED:
        raise UnsupportedModel(
            f"the model does not find passkeys again in {len(text.ids)} tokens ({allowed:.1f} nats a token), so how "
            "far its channels reach cannot be measured; give dpe its scales=[...] or lengths=[...]"
        )
    allowed += TOLERANCE
    steps = max(0, (FARTHEST * seam.window // reach).bit_length() - 1)

    def works(group: int, factor: int) -> bool:
        return loss(seam, text, Stretched(group=group, factor=factor, near=near)) <= allowed

    return torch.tensor([float(reach * longest(works, group, steps)) for group in range(GROUPS)])


def longest(works: Callable[[int, int], bool], group: int, steps: int) -> int:
    """The largest of the factors 1, 2, 4 ... 2^steps with which a group works, if it works with all smaller ones."""
    good, bad = 0, steps + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if works(group, 2**middle) else (good, middle)
    return int(2**good)


def loss(seam: Seam, text: Recital, positions: Positions) -> float:
    """What a token of a recited passkey costs under a position scheme, mean in nats."""
    asking = [place for each in text.asking for place in each]
    ids = torch.tensor(text.ids, device=seam.device)
    with Reader(seam, Plan(positions=positions)) as reader:
        logits = reader.run(ids, asking)
    return float(cross_entropy(logits.float(), ids[torch.tensor(asking, device=seam.device) + 1]))


@dataclass(frozen=True, kw_only=True)
class Stretched(Positions):
    """From the distance `near` on, the channel pairs of one group see `factor` times the distance beyond it."""

    piece_count: ClassVar[int] = 2

    group: int
    factor: int
    near: int

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The near keys, then the stretched ones."""
        values = tuple(self.factor if group == self.group else 1 for group in range(GROUPS))
        factor = by_pair(values, len(rope.inv_freq), queries.device)
        near = (queries - self.near + 1).clamp(min=0)
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(
                (queries[:, None] - self.near) * factor + self.near,
                lambda positions: positions[..., None] * factor,
                torch.zeros_like(queries),
                near,
            ),
        ]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys differently."""
        return

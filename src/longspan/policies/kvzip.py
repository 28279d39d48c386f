"""KVzip: what the model needs to repeat its context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.model_wide import ModelWide
from longspan.policies.base import Policy
from longspan.policies.gathering import PerEntry, gathered
from longspan.policies.tracker import Script, Tracking
from longspan.policies.view import View
from longspan.registry import Card

REPEAT = "\n\nRepeat the previous context exactly."
REPEAT_PART = "\n\nRepeat the part of the previous context exactly, starting with "


class Repeated(PerEntry):
    """The largest weight that each entry got while its piece of the text was repeated, blank where it never was.

    Pieces of `chunk` tokens are repeated from the last one backwards. Weights are a softmax over the piece, the
    sinks and the rehearsal itself.
    """

    blank = -1.0

    def __init__(self, chunk: int, sinks: int) -> None:
        super().__init__()
        self.chunk, self.sinks = chunk, sinks
        self._repeated = 0

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Takes the weights of a rehearsal."""
        if not rehearsed:
            self._repeated = 0
            return
        self._repeated += int(view.query_positions[0]) == view.scene.seen
        end = view.scene.asked.start if view.scene.asked else view.scene.seen
        start = ((end - 1) // self.chunk + 1 - self._repeated) * self.chunk
        stop = min(start + self.chunk, end)
        at = view.positions
        piece = (at >= start) & (at < stop) & view.exists()
        near, places = _only(view, piece | (at < self.sinks) | (at >= view.scene.seen))
        inside = piece.gather(1, places)
        largest = near.strongest().masked_fill(~inside, self.blank)
        self.held = self.numbers(view).scatter_reduce(1, places, largest, "amax")

    def keep(self, kept: Sequence[Tensor]) -> None:
        """The weights of the entries that stay."""
        super().keep(kept)
        self._repeated = 0

    def tensors(self) -> dict[str, Tensor]:
        """The weights, and how many pieces were repeated since text was last read."""
        held = super().tensors()
        return {**held, "repeated": torch.tensor(self._repeated)} if held else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        super().load(tensors)
        self._repeated = int(tensors["repeated"]) if tensors else 0


def _only(view: View, chosen: Tensor) -> tuple[View, Tensor]:
    """The view with only the chosen entries of each row, and their places `[kv_heads, m]`."""
    chosen = chosen & view.exists()
    lengths = chosen.sum(1).tolist()
    places = chosen.long().argsort(dim=1, descending=True, stable=True)[:, : max(lengths)]
    wide = places[..., None].expand(-1, -1, view.keys.shape[-1])
    narrow = replace(
        view, keys=view.keys.gather(1, wide), positions=view.positions.gather(1, places), lengths=lengths
    )
    return narrow, places


@dataclass(frozen=True, kw_only=True)
class Repetition(Tracking):
    """Weights while pieces of `chunk` tokens are repeated, with `sinks` first tokens always in sight."""

    late = True

    chunk: int
    sinks: int

    def tracker(self) -> Repeated:
        """With nothing repeated."""
        return Repeated(self.chunk, self.sinks)


CARD = Card(
    name="kvzip",
    target="longspan.policies.kvzip:KVzip",
    paper="KVzip: Query-Agnostic KV Cache Compression with Context Reconstruction",
    link="https://arxiv.org/abs/2505.23416",
    year=2025,
    training=False,
    changes="Keeps, over all layers and heads, the entries that the model needs to repeat its context.",
    missing="The head of a chat template is repeated as text too, where the authors begin after it.",
)


@dataclass(frozen=True, kw_only=True)
class KVzip(Policy):
    """Largest attention while the model repeats its context, whatever will be asked. https://arxiv.org/abs/2505.23416

    Scores of all heads and layers compete (allocator model-wide). With when="chunk" only the pieces that hold new
    tokens are repeated.
    A known question is not repeated, and always stays.
    Deviations: the authors never evict what was not repeated, such as generated tokens; here these come before all
    others, the latest first, so that the budget holds. They compress before the question is read; here the model has it
    in sight while it repeats. They begin after the head of the chat template; here the head is text.
    """

    allocator: Allocator = field(default_factory=ModelWide, metadata={"room": "allocator"})
    chunk: int = 2000
    """Tokens of the context that are repeated at a time, each with its own prompt; the authors' 2000."""
    tail: int = 8
    """Tokens before a piece that its prompt quotes."""
    sinks: int = 4
    """First tokens that always stay and are always seen, kvpress's stand-in for the system prompt that the authors
    spare.
    """

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 1)
        check_range("tail", self.tail, 0)
        check_range("sinks", self.sinks, 0)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The sinks and one more."""
        return self.sinks + 1

    @property
    def tracking(self) -> Repetition:
        """Weights of the rehearsals."""
        return Repetition(chunk=self.chunk, sinks=self.sinks)

    @property
    def rehearses(self) -> bool:
        """The text is read once more."""
        return True

    def rehearsals(self, script: Script) -> Iterator[Sequence[int]]:
        """A prompt and a piece of the text, for each piece that holds new tokens, the last piece first."""
        ids = list(script.ids)
        oldest = 0 if self.when == "end" else max(0, len(ids) - script.chunk)
        for start in reversed(range(oldest - oldest % self.chunk, len(ids), self.chunk)):
            prompt = script.encode(REPEAT_PART if start else REPEAT)
            quoted = ids[max(0, start - self.tail) : start]
            yield [*prompt, *quoted, *script.reply, *ids[start : start + self.chunk]]

    def scores(self, view: View) -> Tensor:
        """The largest weight, in 0 .. 1; above 1 for what was never repeated; +∞ for the sinks."""
        largest = gathered(view, Repeated).numbers(view)
        ranked = torch.where(largest < 0, 1.0 + view.positions, largest)
        return ranked.masked_fill(view.positions < self.sinks, torch.inf)

"""A text that is read for somebody to look on: by measures of a model, by probes and by the check at load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Ids
from typing import Self

import torch
from torch import Tensor

from longspan.conversation import Words
from longspan.plan import Plan
from longspan.policies.view import View
from longspan.running.attention_state import AttentionState
from longspan.running.compressing import compress
from longspan.running.engine import CHUNK, Engine
from longspan.running.entries import Entries, entries_of
from longspan.running.moments import Portion, acts_after_pass
from longspan.running.passing import Pass, forward
from longspan.running.scenes import between
from longspan.running.sequence import Sequence
from longspan.running.view import last_queries
from longspan.scene import Notes
from longspan.seam.borrowing import Attention
from longspan.seam.seam import Seam
from longspan.store.ledger import Ledger

Observer = Callable[[Attention], Attention]
"""Makes of the attention of a pass one that also does something else, such as looking at queries and keys."""


class Reader:
    """One sequence under a plan, by default the empty one, that reads token ids. Use it as a context manager.

    observe: how many of the last queries each layer remembers at least. profile: facts measured once of the model.
    window: tokens that may be read at most, by default what the plan's positions support. length: tokens that the text
    will come to, 0 where nobody knows. chunk, words: for policies that have the model read more: tokens at a time, and
    how they speak.
    """

    def __init__(
        self,
        seam: Seam,
        plan: Plan | None = None,
        *,
        observe: int = 0,
        profile: Callable[[str], Tensor] | None = None,
        window: int | None = None,
        length: int = 0,
        chunk: int = CHUNK,
        words: Words | None = None,
    ) -> None:
        self._engine = Engine(
            seam, plan or Plan(), chunk=chunk, observe=observe, profile=profile, window=window
        )
        self.sequence = Sequence(self._engine, Ledger(), words=words)
        self.sequence.fitted = self.sequence.announced = length

    @property
    def plan(self) -> Plan:
        """Under which it reads."""
        return self._engine.plan

    @property
    def window(self) -> int | None:
        """Tokens that the plan's positions support, None where nothing bounds them."""
        return self._engine.scheme.window(self._engine.seam.window)

    def again(self, plan: Plan | None = None, *, chunk: int = CHUNK, length: int = 0) -> Reader:
        """Another reader of the same model, by default under the same plan, that has read nothing."""
        engine, words = self._engine, self.sequence.words
        return Reader(
            engine.seam,
            plan or engine.plan,
            profile=engine.profile,
            chunk=chunk,
            length=length,
            words=words,
        )

    def compressed(self) -> list[AttentionState]:
        """What the policy leaves in each layer of what was read, which stays as it is."""
        twin = self.sequence.fork(Ledger())
        compress(twin)
        return twin.layers

    def entries(self, layer: int) -> Entries:
        """What a layer holds: see `Session.entries`."""
        return entries_of([self.sequence], 0, layer)

    @property
    def layers(self) -> list[AttentionState]:
        """What each layer holds."""
        return self.sequence.layers

    def run(
        self,
        ids: Tensor | Ids[int],
        keep: Ids[int] = (),
        *,
        reading: bool = True,
        acts: bool = False,
        observer: Observer | None = None,
    ) -> Tensor:
        """One pass. keep: indices of the tokens whose logits are wanted; returns `[len(keep), vocab]`.

        reading: whether the tokens are of a text, or one that was generated. acts: whether the policy acts after them.
        """
        portion = self._portion(ids, reading=reading, acts=acts)
        logits, _ = forward(self._engine.seam, [portion], keep, observer)
        if acts_after_pass(portion):
            compress(self.sequence)
        return logits

    def read(self, ids: Ids[int], ends: Ids[int], *, acts: bool = False) -> Iterator[int]:
        """Reads parts of a text that end at `ends`, and yields these. acts: whether the policy acts after each."""
        start = 0
        for end in ends:
            self.run(ids[start:end], acts=acts)
            start = end
            yield end

    def view(self, layer: int, observed: int) -> View:
        """What a scorer sees of a layer, with the last queries, at most `observed` of those that are remembered."""
        return last_queries(self.sequence, between(self.sequence, layer, Notes()), observed)

    def attention(self, ids: Tensor, *, reading: bool) -> Attention:
        """The attention of a pass of tokens to come, for calls that come from elsewhere than the network."""
        return Pass([self._portion(ids, reading=reading)], range(len(ids))).attention

    def passed(self, ids: Tensor) -> None:
        """Says that tokens have passed whose attention was asked for."""
        self.sequence.ids.extend(ids.tolist())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Gives all memory back."""
        self.sequence.release()

    def _portion(self, ids: Tensor | Ids[int], *, reading: bool, acts: bool = False) -> Portion:
        tokens = torch.as_tensor(ids, dtype=torch.long, device=self._engine.seam.device)
        return Portion(sequence=self.sequence, ids=tokens, reading=reading, acts=acts)


def chunk_ends(count: int, chunk: int) -> list[int]:
    """Where chunks of a text of so many tokens end."""
    return [*range(chunk, count, chunk), count]

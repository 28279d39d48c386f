"""When the parts of a plan act: in a layer, after a chunk, at the end of a text, before a question, after a pass.

A part says when it acts by what it declares: a policy by `when`, `guided`, `interval` and `after_pass`, a codec's form
by `learns`. Everything that asks for the moment asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from longspan.running.drafted import Drafted
from longspan.running.inputs import Row, rows_among
from longspan.running.scenes import scene_of
from longspan.running.sequence import Sequence
from longspan.scene import Notes, Scene
from longspan.store.form import Form


@dataclass(frozen=True, kw_only=True, eq=False)
class Portion:
    """Tokens of one sequence that take part in a forward pass.

    acts: whether its policy acts once the tokens are stored. finished: whether they are the last of a text. reading:
    whether they are part of a text, however few they are, or one that was generated. rehearsed: whether they are
    forgotten again. rows: the vectors among them, where ids are below 0. drafted: what may follow the one that was
    generated, and passes with it.
    """

    sequence: Sequence
    ids: Tensor
    acts: bool = False
    finished: bool = False
    reading: bool = True
    rehearsed: bool = False
    rows: tuple[Row, ...] = ()
    drafted: Drafted | None = None
    _scenes: dict[int, Scene] = field(default_factory=dict, init=False)

    @property
    def tokens(self) -> list[int]:
        """Its tokens, with the vectors among them."""
        return _with_rows(self.ids, self.rows)

    @property
    def passing(self) -> Tensor:
        """The ids of all that pass: its own, then those that are drafted."""
        return self.ids if self.drafted is None else torch.cat([self.ids, self.drafted.ids])

    @property
    def places(self) -> Tensor:
        """Where these stand, counted from the end of what has run."""
        if self.drafted is not None:
            return self.drafted.depths
        return torch.arange(len(self.ids), device=self.ids.device)

    def scene(self, layer: int) -> Scene:
        """What parts may look at in a layer, made when the first of them looks."""
        if layer not in self._scenes:
            notes = next(iter(self._scenes.values())).notes if self._scenes else Notes()
            seen = self.sequence.place + (0 if self.rehearsed else len(self.ids))
            self._scenes[layer] = scene_of(self.sequence, layer, notes, seen=seen, text=self._text())
        return self._scenes[layer]

    def _text(self) -> Callable[[], list[int]]:
        """Gives all tokens read so far, its own included unless they are forgotten again. It does not hold the
        portion, which holds the scenes that hold this: what a pass made goes when the pass is over."""
        sequence, ids, rows = self.sequence, self.ids, self.rows
        if self.rehearsed:
            return lambda: sequence.ids
        return lambda: [*sequence.ids, *_with_rows(ids, rows)]


def _with_rows(ids: Tensor, rows: tuple[Row, ...]) -> list[int]:
    """Token ids, where those below 0 stand for the rows in their order."""
    left = iter(rows)
    numbers: list[int] = ids.tolist()
    return [next(left) if each < 0 else each for each in numbers] if rows else numbers


def next_portion(sequence: Sequence, *, reading: bool, more: bool = False) -> Portion:
    """Takes a sequence's next pending tokens: a chunk, or what is left of one that generating has begun.

    reading: whether a text is read, up to its end, unless `more` of it follows in another call.
    """
    engine, pending = sequence.engine, sequence.pending
    each_chunk = _each_chunk(sequence)
    before = len(pending) - len(sequence.question)
    begun = sequence.uncompressed if each_chunk and before > 0 else 0
    count = max(1, engine.chunk - begun)
    if before > 0:
        count = min(count, before)
    ids = torch.tensor(pending[:count], device=engine.seam.device)
    rows = rows_among(pending[:count]) if min(pending[:count]) < 0 else ()
    sequence.pending = pending[count:]
    sequence.uncompressed += len(ids)
    finished = reading and not more and not sequence.pending
    ends = before == count if sequence.question else finished
    full = sequence.uncompressed >= (engine.chunk if reading else interval(sequence))
    acts = engine.policy is not None and (ends or (each_chunk and before > 0 and full))
    if acts:
        sequence.uncompressed = 0
    return Portion(sequence=sequence, ids=ids, acts=acts, finished=finished, reading=reading, rows=rows)


def acts_after_pass(portion: Portion) -> bool:
    """Whether the policy acts when the tokens have passed through all layers, and not within each."""
    policy = portion.sequence.engine.policy
    return portion.acts and policy is not None and policy.after_pass


def learns(form: Form, portion: Portion) -> bool:
    """Whether a codec's form, which waits for it, learns from a layer once the portion's entries are stored."""
    return form.learns == "chunk" or portion.finished


def draft_depth(sequence: Sequence) -> int | None:
    """How deep a draft may be that passes with the next token of a sequence; None where nothing bounds it.

    Between two tokens of one pass nothing can be done that needs the end of a pass: no policy that acts after it, and
    no selector that is told how surprising each token was.
    """
    engine, policy = sequence.engine, sequence.engine.policy
    if engine.selector is not None and engine.selector.surprised:
        return 0
    if policy is None or not policy.after_pass or not _each_chunk(sequence):
        return None
    return max(0, interval(sequence) - sequence.uncompressed - 1)


def undisturbed(portion: Portion, depth: int) -> bool:
    """Whether nothing acts in a layer between a generated token and those that follow it, so many of them."""
    sequence = portion.sequence
    if portion.acts or (_each_chunk(sequence) and sequence.uncompressed + depth > interval(sequence)):
        return False
    stores = (layer.store for layer in sequence.layers)
    return not any(store.learning and learns(store.form, portion) for store in stores)


def followed(portion: Portion, ids: Tensor) -> Portion:
    """A generated token and one or more behind it, as if they had been generated one by one; `acts` is of the last."""
    sequence = portion.sequence
    acts = _each_chunk(sequence) and (sequence.uncompressed + len(ids)) % interval(sequence) == 0
    return replace(portion, ids=torch.cat([portion.ids, ids]), acts=acts, drafted=None)


def interval(sequence: Sequence) -> int:
    """Generated tokens after which the policy of a sequence acts again."""
    policy, chunk = sequence.engine.policy, sequence.engine.chunk
    return chunk if policy is None else policy.interval or chunk


def reserve_tokens(sequence: Sequence, count: int, *, reading: bool = False) -> None:
    """Makes room for `count` tokens to come, as far as they will be in memory at once.

    A text under a policy that acts after each chunk, or whose tokens leave between layers, gets room chunk by chunk.
    """
    if reading and sequence.engine.thinning is not None:
        return
    if _each_chunk(sequence):
        if reading:
            return
        count = min(count, interval(sequence))
    for layer, window in zip(sequence.layers, sequence.engine.windows, strict=True):
        if window is None:
            layer.store.reserve(count)


def _each_chunk(sequence: Sequence) -> bool:
    policy = sequence.engine.policy
    return policy is not None and policy.when == "chunk"

"""Sequences that pass through the model side by side, chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.conversation import Words
from longspan.engine.engine import Engine
from longspan.engine.memory import Memory
from longspan.engine.passing import Portion
from longspan.policies.tracker import Script
from longspan.store.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far reading has come: tokens processed of total, and the seconds it took so far."""

    processed: int
    total: int
    seconds: float


class Batch:
    """What each sequence remembers, which of its tokens the model has not seen yet, and the logits after the rest.

    pending: tokens that were drawn or announced but not run. upcoming: logits `[vocab]` for the next token of each
    sequence, None before the first token. words: how policies speak that have the model read
    more. saved_seconds: what its rehearsals would have taken if an earlier fork had not done them.
    """

    def __init__(self, engine: Engine, size: int, chunk: int, words: Words) -> None:
        self._engine, self._chunk, self._words = engine, chunk, words
        self.ledger = Ledger()
        self._memories = [engine.memory(self.ledger) for _ in range(size)]
        self.pending: list[list[int]] = [[] for _ in range(size)]
        self.upcoming: list[Tensor | None] = [None] * size
        self._questions: list[list[int]] = [[] for _ in range(size)]
        self.saved_seconds = 0.0
        self._peak = 0

    @property
    def memories(self) -> Sequence[Memory]:
        """What each sequence remembers."""
        return self._memories

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._engine.seam.device

    @property
    def seen(self) -> list[int]:
        """Tokens of each sequence, run or pending."""
        return [memory.seen + len(ids) for memory, ids in zip(self._memories, self.pending, strict=True)]

    @property
    def tokens(self) -> list[list[int]]:
        """The tokens themselves."""
        return [memory.ids + ids for memory, ids in zip(self._memories, self.pending, strict=True)]

    @property
    def held(self) -> int:
        """Bytes in memory: keys, values, positions, and what parts remember besides."""
        return self.ledger.held + sum(memory.state_bytes for memory in self._memories)

    @property
    def held_each(self) -> list[int]:
        """Bytes in memory by sequence."""
        return [
            memory.state_bytes + sum(layer.store.resident_bytes for layer in memory.layers)
            for memory in self._memories
        ]

    @property
    def peak(self) -> int:
        """The most bytes there ever were."""
        return max(self._peak, self.ledger.peak, self.held)

    def fit(self, lengths: Sequence[int]) -> int | None:
        """Makes the positions of sequences that are still empty for so many tokens.

        Returns how many tokens they support, None where nothing bounds them.
        """
        engine, supported = self._engine, []
        for memory, length in zip(self._memories, lengths, strict=True):
            memory.fitted = memory.fitted or length
            scheme = engine.scheme if engine.scheme.dynamic else engine.positions(memory, length)
            supported.append(scheme.window(engine.seam.window))
        known = [each for each in supported if each is not None]
        return min(known) if known else None

    def read(
        self,
        ids: Sequence[Sequence[int]],
        progress: Callable[[Progress], None] | None,
        *,
        questions: Sequence[Sequence[int]] | None = None,
        back: Sequence[int] = (),
        held: Sequence[Sequence[int]] = (),
        rounds: bool = False,
        more: bool = False,
    ) -> None:
        """Runs what is pending and then the given tokens of each sequence; a policy acts at their end.

        questions: the tokens after them that ask, read too; a guided policy knows them from the beginning and acts
        where they begin. back: how many pending tokens at the end of each are taken back first. held: tokens after
        all others, which are pending afterwards. rounds: whether a round of the dialogue begins with the tokens.
        more: whether the text goes on in another call, so that nothing acts yet because it ended.
        """
        for sequence, new in enumerate(ids):
            memory, pending = self._memories[sequence], self.pending[sequence]
            del pending[len(pending) - (back[sequence] if back else 0) :]
            begins = memory.seen + len(pending)
            if rounds and begins > memory.rounds[-1]:
                memory.rounds.append(begins)
            asking = list(questions[sequence]) if questions else []
            pending.extend([*new, *asking])
            ends = memory.seen + len(pending)
            memory.asked = range(ends - len(asking), ends)
            guided = self._engine.policy is not None and self._engine.policy.guided
            self._questions[sequence] = asking if guided and len(pending) > len(asking) else []
        self._run(range(len(ids)), every=False, end=True, more=more, progress=progress)
        self._questions = [[] for _ in ids]
        for pending, later in zip(self.pending, held, strict=False):
            pending.extend(later)

    def logits(self, ids: Sequence[int]) -> Tensor:
        """Runs tokens of the only sequence and returns the logits after each of them, `[n, vocab]`."""
        self.step([0])
        self.pending[0].extend(ids)
        return torch.cat(self._run([0], every=True, end=False, progress=None))

    def step(self, sequences: Sequence[int]) -> None:
        """Runs what is pending in some sequences."""
        self._run(sequences, every=False, end=False, progress=None)

    def reserve(self, count: int) -> None:
        """Makes room for `count` more tokens a sequence, as far as a policy will leave them in memory."""
        for memory in self._memories:
            self._engine.reserve(memory, min(count, self._interval) if self._each_chunk else count)

    def fork(self, engine: Engine) -> Batch:
        """The same sequences for a second owner; memory is shared until one of the two writes.

        What the policy of another plan rehearses is rehearsed here, so that further forks need not do it again.
        """
        selects = engine.selector == self._engine.selector
        twin = Batch(engine, 0, self._chunk, self._words)
        if engine.policy is not None and engine.policy != self._engine.policy:
            twin.saved_seconds = sum(engine.rehearse(memory, self._script) for memory in self._memories)
        twin._questions = [[] for _ in self._memories]
        twin._memories = [
            memory.fork(twin.ledger, engine.trackings, selects=selects) for memory in self._memories
        ]
        twin.pending = [list(ids) for ids in self.pending]
        twin.upcoming = list(self.upcoming)
        return twin

    @classmethod
    def together(cls, batches: Sequence[Batch], engine: Engine) -> Batch:
        """The sequences of several batches in one, which shares their memory until one of the two writes."""
        joined = cls(engine, 0, batches[0]._chunk, batches[0]._words)
        for each in batches:
            joined._memories += [
                memory.fork(joined.ledger, engine.trackings, selects=True) for memory in each._memories
            ]
            joined.pending += [list(ids) for ids in each.pending]
            joined.upcoming += each.upcoming
        joined._questions = [[] for _ in joined._memories]
        return joined

    def compress(self) -> None:
        """Lets the policy act on what was read without it."""
        for memory in self._memories:
            self._engine.compress(memory, self._script)

    def release(self) -> None:
        """Gives all memory back; the sequences are empty afterwards."""
        for memory in self._memories:
            memory.release()
        self._memories = [self._engine.memory(self.ledger) for _ in self._memories]
        self.pending = [[] for _ in self._memories]
        self.upcoming = [None] * len(self._memories)

    @property
    def _each_chunk(self) -> bool:
        return self._engine.policy is not None and self._engine.policy.when == "chunk"

    @property
    def _interval(self) -> int:
        """Generated tokens after which the policy acts again."""
        policy = self._engine.policy
        return self._chunk if policy is None else policy.interval or self._chunk

    def _run(
        self,
        sequences: Sequence[int],
        *,
        every: bool,
        end: bool,
        progress: Callable[[Progress], None] | None,
        more: bool = False,
    ) -> list[Tensor]:
        """Runs what is pending. every: return the logits after each token. end: it is the end of a text, unless more
        of it follows."""
        total, began = sum(len(self.pending[sequence]) for sequence in sequences), time.perf_counter()
        self.fit(self.seen)
        for memory, length in zip(self._memories, self.seen, strict=True):
            memory.announced = length
        if end and not self._each_chunk:
            for sequence in sequences:
                self._engine.reserve(self._memories[sequence], len(self.pending[sequence]))
        gathered, done = [], 0
        surprised = self._engine.selector is not None and self._engine.selector.surprised
        while active := [sequence for sequence in sequences if self.pending[sequence]]:
            portions = [self._portion(sequence, end=end, more=more) for sequence in active]
            ends = torch.tensor([len(portion.ids) for portion in portions]).cumsum(0).tolist()
            last = [place for place, sequence in enumerate(active) if not self.pending[sequence]]
            keep = list(range(ends[-1])) if every or surprised else [ends[place] - 1 for place in last]
            logits = self._engine.forward(portions, keep)
            if every:
                gathered.append(logits)
            if every or surprised:
                rows = logits.split([len(portion.ids) for portion in portions])
                if surprised:
                    for sequence, portion, mine in zip(active, portions, rows, strict=True):
                        portion.memory.surprise.append(_surprise(self.upcoming[sequence], mine, portion.ids))
                for sequence, mine in zip(active, rows, strict=True):
                    self.upcoming[sequence] = mine[-1]
            else:
                for place, row in zip(last, logits, strict=True):
                    self.upcoming[active[place]] = row
            if self._engine.deferred:
                for portion in portions:
                    if portion.compress:
                        self._engine.compress(portion.memory, self._script)
            done += ends[-1]
            self._peak = max(self._peak, self.held)
            if progress is not None:
                progress(Progress(processed=done, total=total, seconds=time.perf_counter() - began))
        return gathered

    def _portion(self, sequence: int, *, end: bool, more: bool) -> Portion:
        """The next tokens of a sequence: a chunk, or what is left of one that generating has begun."""
        memory, pending = self._memories[sequence], self.pending[sequence]
        before = len(pending) - len(self._questions[sequence])
        begun = memory.uncompressed if self._each_chunk and before > 0 else 0
        count = max(1, self._chunk - begun)
        if before > 0:
            count = min(count, before)
        ids = torch.tensor(pending[:count], device=self._engine.seam.device)
        self.pending[sequence] = pending[count:]
        memory.uncompressed += len(ids)
        finished = end and not more and not self.pending[sequence]
        asked = bool(self._questions[sequence])
        acts = self._engine.policy is not None and (
            (before == count if asked else finished)
            or (
                self._each_chunk
                and before > 0
                and memory.uncompressed >= (self._chunk if end else self._interval)
            )
        )
        if acts:
            memory.uncompressed = 0
        return Portion(memory=memory, ids=ids, compress=acts, finished=finished, reading=end)

    def _script(self, memory: Memory) -> Script:
        """The text of one sequence, for its policy."""
        number = next(place for place, each in enumerate(self._memories) if each is memory)
        return Script(
            ids=memory.ids[: memory.asked.start] if memory.asked else memory.ids,
            question=self._questions[number],
            encode=self._words.encode,
            chunk=self._chunk,
            reply=self._words.reply,
        )


def _surprise(before: Tensor | None, logits: Tensor, ids: Tensor) -> Tensor:
    """−log p of each token `[n]`, given the logits after it `[n, vocab]` and those before the first of them.

    The first token of a text has no surprise.
    """
    first = ids.new_zeros(1, dtype=torch.float32)
    if before is not None:
        first = -before.float().log_softmax(-1)[ids[:1]]
    parts = [first.to(logits.device)]
    for some, following in zip(logits[:-1].split(256), ids[1:].split(256), strict=True):
        parts.append(-some.float().log_softmax(-1).gather(1, following[:, None])[:, 0])
    return torch.cat(parts)

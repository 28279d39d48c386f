"""The model of an answer, reading along over a part of what the answer remembers."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator
from contextlib import contextmanager

from longspan.running.companion import Companion
from longspan.running.compressing import compress
from longspan.running.engine import Engine
from longspan.running.moments import next_portion
from longspan.running.passing import forward
from longspan.running.sequence import Sequence
from longspan.selectors.base import Summary
from longspan.store.ledger import Ledger


class Shadow(Companion):
    """Forks a sequence under another plan.

    With a policy the fork has a copy of what that leaves, and goes on by itself until the answer has come `every`
    tokens further. Without, it shares the entries of the answer, lays its own beside them, and is gone after each
    draft; only the summaries of its selector stay, which grow with the entries.
    """

    def __init__(self, main: Sequence, engine: Engine, every: int) -> None:
        super().__init__(self._forked, main.engine.seam.config.vocab_size)
        self._main, self._engine, self._every = main, engine, every
        self._since = 0
        self._summaries: list[dict[tuple[int, int], Summary]] = []
        self._summarised: list[int] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that it holds by itself."""
        kept = sum(each.nbytes for layer in self._summaries for each in layer.values())
        return super().nbytes + kept

    def release(self) -> None:
        """Gives all memory back; it would begin anew."""
        self._summaries = []
        super().release()

    @contextmanager
    def _at_hand(self, ids: abc.Sequence[int]) -> Iterator[None]:
        """Begins anew where the answer has gone far, and lets go of what is shared."""
        if self._since + self._every < len(ids):
            self.release()
        try:
            yield
        finally:
            self._give_back()

    def _forked(self) -> Sequence:
        main, engine = self._main, self._engine
        self._since = main.run
        if engine.policy is not None:
            twin = main.fork(Ledger(), engine)
            if engine.observed > main.engine.observed:
                self._look(twin)
            compress(twin)
            return twin
        twin = main.beside(Ledger(), engine)
        if self._summarised is main.ids:  # the same list grows until the answer is gone back with
            for layer, summaries in zip(twin.layers, self._summaries, strict=False):
                layer.summaries = summaries
        return twin

    def _look(self, twin: Sequence) -> None:
        """Gives a fork the query of the token that is pending, which the answer did not keep."""
        looking = self._main.beside(Ledger(), self._engine)
        looking.pending = self._main.pending[:1]
        forward(looking.engine.seam, [next_portion(looking, reading=False)], [0])
        for mine, theirs in zip(twin.layers, looking.layers, strict=True):
            mine.recent = theirs.recent
        looking.release()

    def _mark(self, text: Sequence) -> None:
        """One that is gone after each draft need not go back."""
        if self._engine.policy is not None:
            super()._mark(text)

    def _give_back(self) -> None:
        """Lets go of what is shared."""
        if self._text is not None and self._engine.policy is None:
            summaries = [layer.summaries for layer in self._text.layers]
            self.release()
            self._summaries, self._summarised = summaries, self._main.ids

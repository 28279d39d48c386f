"""A layer of one sequence, read by hand while a tracker watches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.rotation import Table, rotate
from longspan.policies.tracker import Tracker
from longspan.policies.view import View
from scenes import staged

Turn = Callable[[Tensor], Table | None]
DIM, SCALE = 6, 0.7


@dataclass
class Pass:
    """Queries `[heads, n, dim]` at some positions, all keys by position, and which of them each row held then."""

    queries: Tensor
    at: list[int]
    keys: Tensor
    rows: list[list[int]]
    rehearsed: bool

    def weights(
        self, number: int, head: int, among: Callable[[int], bool] = lambda at: True, scale: float = SCALE
    ) -> dict[int, float]:
        """Softmax weights by position of one query, over those entries that it may see and that are `among` some."""
        row = head * len(self.rows) // len(self.queries)
        visible = [at for at in self.rows[row] if at <= self.at[number] and among(at)]
        products = self.keys[row, visible] @ self.queries[head, number] * scale
        return dict(zip(visible, products.softmax(0).tolist(), strict=True))


class Passage:
    """Random queries, keys and values; `passes` records what a naive twin must know.

    keys and values `[rows, positions, dim]` of every token ever read or rehearsed, rows: the positions that are kept.
    """

    def __init__(
        self, tracker: Tracker | None, rows: int, group: int, turn: Turn = lambda at: None, seed: int = 0
    ):
        self.tracker, self.group, self.turn = tracker, group, turn
        self.generator = torch.Generator().manual_seed(seed)
        self.rows: list[list[int]] = [[] for _ in range(rows)]
        self.keys = self.values = torch.empty(rows, 0, DIM)
        self.raw = torch.empty(rows * group, 0, DIM)
        self.passes: list[Pass] = []
        self.output = self.random(5, rows * group * DIM)
        self.seen = 0

    def read(self, *counts: int) -> None:
        """Passes of so many tokens."""
        for count in counts:
            self._pass(count, rehearsed=False)
            self.seen += count

    def rehearse(self, *counts: int) -> None:
        """One rehearsal in passes of so many tokens, forgotten again."""
        rows = [list(row) for row in self.rows]
        for count in counts:
            self._pass(count, rehearsed=True)
        self.rows = rows
        self.keys, self.values = self.keys[:, : self.seen], self.values[:, : self.seen]
        self.raw = self.raw[:, : self.seen]

    def keep(self, kept: Sequence[Sequence[int]]) -> None:
        """Only the entries with these places in each row stay."""
        self.rows = [[row[place] for place in places] for row, places in zip(self.rows, kept, strict=True)]
        if self.tracker is not None:
            self.tracker.keep([torch.tensor(places, dtype=torch.long) for places in kept])

    def view(self, observed: int = 0, **more: object) -> View:
        """The layer with the last queries of the text."""
        start = max(0, self.seen - observed)
        return self._view(torch.arange(start, self.seen), self.seen, **more)

    def random(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def rotated(self, x: Tensor, at: Tensor) -> Tensor:
        turn = self.turn(at)
        return x if turn is None else rotate(x, turn)

    def _pass(self, count: int, *, rehearsed: bool) -> None:
        start = self.keys.shape[1]
        at = torch.arange(start, start + count)
        rows, heads = len(self.rows), len(self.rows) * self.group
        self.keys = torch.cat((self.keys, self.rotated(self.random(rows, count, DIM), at)), 1)
        self.values = torch.cat((self.values, self.random(rows, count, DIM)), 1)
        raw = self.random(heads, count, DIM) + torch.arange(heads)[:, None, None] / heads
        self.raw = torch.cat((self.raw, raw), 1)
        for row in self.rows:
            row.extend(at.tolist())
        view = self._view(at, self.seen if rehearsed else self.seen + count)
        held = [list(row) for row in self.rows]
        self.passes.append(Pass(view.queries, at.tolist(), self.keys, held, rehearsed))
        if self.tracker is not None:
            self.tracker.watch(view, raw, rehearsed=rehearsed)

    def _view(self, at: Tensor, seen: int, **more: object) -> View:
        longest = max(map(len, self.rows))
        keys, values = torch.zeros(2, len(self.rows), longest, DIM)
        positions = torch.zeros(len(self.rows), longest, dtype=torch.long)
        for number, row in enumerate(self.rows):
            keys[number, : len(row)] = self.keys[number, row]
            values[number, : len(row)] = self.values[number, row]
            positions[number, : len(row)] = torch.tensor(row, dtype=torch.long)
        facts = {
            "keys": keys,
            "values": values,
            "positions": positions,
            "lengths": [len(row) for row in self.rows],
            "queries": self.rotated(self.raw[:, at], at),
            "query_positions": at,
            "seen": seen,
            "scale": SCALE,
            "turn": self.turn,
            "tracker": self.tracker,
            "following": lambda: self.output,
        }
        return View(**staged({**facts, **more}))

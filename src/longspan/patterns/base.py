"""The contract of an attention pattern: which keys a block of queries visits while reading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.kernels.block_index import BlockIndex
from longspan.scene import Scene
from longspan.slots import Slots
from longspan.store.state import State


@dataclass(frozen=True, kw_only=True, eq=False)
class PatternView:
    """What a pattern may look at, in one layer, while one chunk is read.

    query `[heads, n, dim]` and key `[kv_heads, m, dim]`, both rotated; the queries are the last n of the m
    entries that the keys cover. In fp16, whose range the products of real models leave, the queries are scaled, and
    the scene's scale is 1. weights: softmax weights of some of the queries over all keys up to their own, fp32
    `[heads, w, m]`, under the plan's positions; for few queries at a time. pieces: of the positions that these queries
    have; with one, the weights are those of query · key. state: what `Pattern.state` made for this
    layer of this sequence, None where it makes none.
    """

    scene: Scene
    query: Tensor
    key: Tensor
    weights: Callable[[slice], Tensor]
    pieces: int = 1
    state: State | None = None

    def __post_init__(self) -> None:
        if self.query.dtype is torch.float16:
            softmax = self.scene.softmax
            scene = replace(self.scene, softmax=replace(softmax, scale=1.0))
            object.__setattr__(self, "query", self.query * softmax.scale)
            object.__setattr__(self, "scene", scene)

    @property
    def start(self) -> int:
        """The index among the keys of the first query's own key."""
        return self.key.shape[1] - self.query.shape[1]

    @property
    def group(self) -> int:
        """Query heads per KV head."""
        return self.query.shape[0] // self.key.shape[0]


@dataclass(frozen=True, kw_only=True)
class Pattern(ABC):
    """Base of all patterns.

    A pattern thins out what has not been thinned out yet: keys that a policy has already compressed are all
    visited, and the pattern works on the keys of the chunk at hand. Layers with a sliding window keep theirs. It
    chooses for each chunk as it is read, unless that is shorter than `min_queries`.

    pieces: whether it also works with position schemes of several pieces. Then it may look at places and at
    `PatternView.weights`, but not at query · key, which belong to one piece only.
    profile: what it asks `scene.profile` for, "" for nothing; it is measured before anything is read.
    """

    pieces: ClassVar[bool] = False
    profile: ClassVar[str] = ""

    @abstractmethod
    def index(self, view: PatternView) -> BlockIndex:
        """The keys that each block of queries visits besides those of its own block."""

    @property
    def min_queries(self) -> int:
        """Queries below which a chunk sees everything, such as a question after a long text: there is little to save,
        and too few to choose by. 0 for patterns that go by places alone."""
        return 0

    def state(self) -> State | None:
        """What is remembered of one layer of one sequence from chunk to chunk, a function of its keys alone.

        It is counted and forked, but not saved with a context: it must be able to begin again from the keys.
        """
        return None

    def check(self, plan: Slots) -> None:
        """Refuses position schemes of several pieces where the pattern looks at query · key."""
        if not self.pieces and plan.positions is not None and plan.positions.piece_count > 1:
            raise PlanError(
                f"this pattern works with position schemes of one piece, this one has "
                f"{plan.positions.piece_count}; choose positions=yarn or another frequency method, "
                "pattern=minference, or leave out pattern="
            )

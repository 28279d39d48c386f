"""The contract of decoding: what is drafted, who drafts it, and who says what of it stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Draft:
    """Tokens that may follow a text: a tree, of which a line is the simplest.

    ids: the tokens. parents: for each the place in `ids` of the token that it follows, −1 for the text itself; before
    the token that it belongs to. What stands at depth d has the position of the text's end + d. An empty draft proposes
    nothing. Raises ValueError for parents that are no tree.
    """

    ids: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.parents) != len(self.ids):
            raise ValueError(
                f"draft has {len(self.parents)} parents for {len(self.ids)} ids; give one for each"
            )
        for place, parent in enumerate(self.parents):
            if not -1 <= parent < place:
                raise ValueError(f"parents[{place}]={parent} is outside -1 .. {place - 1}")

    @classmethod
    def line(cls, ids: Sequence[int]) -> Draft:
        """Tokens that follow one another."""
        return cls(tuple(ids), tuple(range(-1, len(ids) - 1)))

    def after(self, place: int) -> dict[int, int]:
        """The tokens that follow the one at a place, −1 for the text, each with its own place."""
        return {self.ids[own]: own for own, parent in enumerate(self.parents) if parent == place}

    def path(self, place: int) -> tuple[int, ...]:
        """The tokens from the text up to the one at a place, both ends included."""
        return () if place < 0 else (*self.path(self.parents[place]), self.ids[place])


class Proposer(ABC):
    """Drafts what may follow one sequence, and remembers what it likes of it; a fresh one is made for each answer."""

    @abstractmethod
    def propose(self, ids: Sequence[int]) -> Draft:
        """A draft of what follows all tokens so far, read and generated; they may only have grown since the last call.

        Any draft is allowed, since a verifier says what stays; a bad one costs time and changes no token.
        """


class Verifier(ABC):
    """Says which tokens follow a text, given a draft and what the model thinks of it."""

    @abstractmethod
    def accept(self, draft: Draft, logits: Tensor, draw: Callable[[Tensor], int]) -> list[int]:
        """The tokens that follow, one or more: a path of the draft from the text on, and then one token more.

        logits `[1 + n, vocab]`: after the text, then after each of the draft's n tokens. draw: the next token from
        logits `[vocab]` as the answer is sampled, greedily or by chance.
        """


class Exact(Verifier):
    """Draws as without a draft, and takes a drafted token where it is the one that was drawn.

    What is generated is the same as without a draft, token for token, with the same seed too.
    """

    def accept(self, draft: Draft, logits: Tensor, draw: Callable[[Tensor], int]) -> list[int]:
        """Draws along the tree until something is drawn that the draft does not have."""
        accepted, place = [], -1
        while True:
            accepted.append(draw(logits[place + 1]))
            following = draft.after(place)
            if accepted[-1] not in following:
                return accepted
            place = following[accepted[-1]]


@dataclass(frozen=True, kw_only=True)
class Decode(ABC):
    """Base of all decoding methods, the slot `decode` of a plan.

    A subclass gives a proposer, and a verifier where `Exact` is not what it wants. A session runs each token of a draft
    in a pass of its own on a fork, and then those that were accepted, so that whatever else is in the plan, nothing
    changes but time: so far, drafting costs some and wins none.
    """

    @abstractmethod
    def proposer(self) -> Proposer:
        """A fresh proposer, for one answer of one sequence."""

    def verifier(self) -> Verifier:
        """Who says what stays."""
        return Exact()

"""The contract of decoding: what is drafted, who drafts it, and who says what of it stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Drawn:
    """How the tokens behind a place of a draft came about, where chance drew them.

    ids: in the order in which they were drawn, with repetitions. odds: probabilities `[vocab]` of the first draw.
    """

    ids: tuple[int, ...]
    odds: Tensor


@dataclass(frozen=True)
class Draft:
    """Tokens that may follow a text: a tree, of which a line is the simplest.

    ids: the tokens. parents: for each the place in `ids` of the token that it follows, −1 for the text itself; before
    the token that it belongs to. drawn: how the tokens behind a place were drawn, by place; nothing for those that were
    not left to chance. scores: how likely each token is to be said, those before it included; empty where nobody knows.
    What stands at depth d has the position of the text's end + d. An empty draft proposes nothing. Raises ValueError
    for parents that are no tree, and for scores that are not one for each.
    """

    ids: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    drawn: Mapping[int, Drawn] = field(default_factory=dict, compare=False)
    scores: tuple[float, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.scores and len(self.scores) != len(self.ids):
            raise ValueError(
                f"draft has {len(self.scores)} scores for {len(self.ids)} ids; give one for each, or none"
            )
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

    @property
    def depths(self) -> list[int]:
        """How deep each token stands, 1 for those that follow the text."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent < 0 else depths[parent] + 1)
        return depths

    def path(self, place: int) -> tuple[int, ...]:
        """The tokens from the text up to the one at a place."""
        found: list[int] = []
        while place >= 0:
            found.append(self.ids[place])
            place = self.parents[place]
        return tuple(reversed(found))

    def within(self, depth: int) -> Draft:
        """What of it is no deeper, nearest tokens first."""
        depths = self.depths
        return self._only([own for own, deep in enumerate(depths) if deep <= depth], depths)

    def likeliest(self, count: int) -> Draft:
        """So many of its tokens, those with the best scores, nearest first: what EAGLE-2 keeps of a tree.

        A token counts no more than those before it, so what is kept is a tree (https://arxiv.org/abs/2406.16858). Not
        for tokens that chance drew: which of them are left would say something of the others.
        """
        best = list(self.scores)
        for own, parent in enumerate(self.parents):
            if parent >= 0:
                best[own] = min(best[own], best[parent])
        order = sorted(range(len(best)), key=lambda own: (-best[own], own))
        return self._only(order[:count], self.depths)

    def only(self, owns: Sequence[int]) -> Draft:
        """Some of its tokens, by place, each with those before it."""
        return self._only(owns, self.depths)

    def _only(self, owns: Sequence[int], depths: Sequence[int]) -> Draft:
        order = sorted(owns, key=lambda own: (depths[own], own))
        places = {old: new for new, old in enumerate(order)} | {-1: -1}
        parents = tuple(places[self.parents[own]] for own in order)
        drawn = {places[old]: each for old, each in self.drawn.items() if places.get(old) in parents}
        scores = tuple(self.scores[own] for own in order) if self.scores else ()
        return Draft(tuple(self.ids[own] for own in order), parents, drawn, scores)


class Draws(Protocol):
    """How the tokens of an answer are drawn, one after another; what one may be depends on those that were taken."""

    def draw(self, logits: Tensor) -> int:
        """The next token, from logits `[vocab]`; it is taken."""
        ...

    def distribution(self, logits: Tensor) -> Tensor:
        """From which it is drawn: probabilities `[vocab]`, after all that is asked; greedily one has all of it."""
        ...

    def choose(self, odds: Tensor) -> int:
        """A token by chance, from probabilities `[vocab]`; it is not taken."""
        ...

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        ...

    def chance(self) -> float:
        """A number from [0, 1)."""
        ...

    def take(self, token: int, logits: Tensor) -> None:
        """The next token, which was decided otherwise, given the logits `[vocab]` for it."""
        ...


class Said(NamedTuple):
    """A token that a drafter says, and the probabilities `[vocab]` that it was drawn from."""

    token: int
    odds: Tensor


class Drafter(ABC):
    """A model that reads along with an answer, so that it can say how it would go on.

    What it is asked about is told in full, and it goes back where that is another text than before: so an answer that
    is gone back with or goes another way than was drafted leaves nothing behind.
    """

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes in memory that it holds by itself."""

    @abstractmethod
    def release(self) -> None:
        """Gives them back; it would read from the beginning again."""

    @abstractmethod
    def says(
        self,
        ids: Sequence[int],
        draws: Draws,
        count: int,
        *,
        sure: float = 0.0,
        within: tuple[Proposer, Verifier] | None = None,
    ) -> list[Said]:
        """How it would go on after some tokens, so many tokens at most.

        sure: it stops where no token has this probability. within: who drafts for it in turn, and verifies that.
        """

    @abstractmethod
    def after(self, ids: Sequence[int], draft: Draft) -> Tensor:
        """Logits `[1 + n, vocab]` after some tokens, and after each of a draft behind them, in one pass."""


class Host(ABC):
    """An answer for which is drafted."""

    @abstractmethod
    def ahead(self) -> Draws:
        """Draws what the answer would draw next if its model were the drafter; the answer draws it nevertheless."""

    @abstractmethod
    def apart(self, place: int) -> Draws:
        """Draws by chance of its own, the same for the same seed of the answer and place in its text."""

    @abstractmethod
    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What proposers keep from one answer to the next of the same text, and of no other; made at first."""

    @abstractmethod
    def same(self, parts: Mapping[str, Any], *, every: int) -> Drafter:
        """The answer's own model, under its own plan but for some parts by slot.

        Under a policy it has a copy of what that leaves, which is made anew after `every` tokens; else it shares what
        the answer remembers. Raises PlanError for parts that do not go together, and ValueError for those that look at
        what was not gathered.
        """

    @abstractmethod
    def other(self, model: str | None, parts: Mapping[str, Any], *, text: str = "") -> Drafter:
        """A model that reads by itself, under a plan of these parts by slot.

        model: as `longspan.load` takes it, None for the answer's own. text: what is read where it is not the answer's
        whole text, so that it is kept apart. Raises what that raises, PlanError, and ValueError for another tokenizer.
        """


class Proposer(ABC):
    """Drafts what may follow one sequence, and remembers what it likes of it; a fresh one is made for each answer."""

    def join(self, host: Host) -> None:  # noqa: B027  # most need no model
        """Told once, before the first draft, for which answer it drafts; for those that need a model to draft with, or
        keep from answer to answer what they learn.
        """

    @abstractmethod
    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """A draft of what follows all tokens so far, read and generated; they may only have grown since the last call.

        room: the most tokens that are worth having, 1 or more, which is also how deep they may stand. Tokens below 0
        stand for vectors and cannot be drafted. Any draft is allowed, since a verifier says what stays; a bad one costs
        time and changes no token. It is cut where the answer ends at the latest, before anything acts in memory, and to
        what pays (`decoding/gate.py`).
        """

    def learn(self, draft: Draft, logits: Tensor) -> None:  # noqa: B027 - most do not care
        """Is told what the model thinks, after each pass of a generated token, with what was left of the draft.

        logits `[1 + n, vocab]`: after the text, then after each of the draft's n tokens, also those that did not stay.
        """


class Verifier(ABC):
    """Says which tokens follow a text, given a draft and what the model thinks of it."""

    @abstractmethod
    def accept(self, draft: Draft, logits: Tensor, draws: Draws) -> list[int]:
        """The tokens that follow, one or more: a path of the draft from the text on, and then one token more.

        draft: what was drafted, or what is left of it, nearest tokens first. logits `[1 + n, vocab]`: after the text,
        then after each of the draft's n tokens. draws: how the answer is sampled, greedily or by chance.
        """


class Exact(Verifier):
    """Draws as without a draft, and takes a drafted token where it is the one that was drawn.

    What is generated is the same as without a draft, token for token, with the same seed too. How drafted tokens came
    about makes no difference.
    """

    def accept(self, draft: Draft, logits: Tensor, draws: Draws) -> list[int]:
        """Draws along the tree until something is drawn that the draft does not have."""
        accepted, place = [], -1
        while True:
            accepted.append(self.next(draft.drawn.get(place), logits[place + 1], draws))
            following = draft.after(place)
            if accepted[-1] not in following:
                return accepted
            place = following[accepted[-1]]

    def next(self, drawn: Drawn | None, logits: Tensor, draws: Draws) -> int:
        """The token behind a place. drawn: how those drafted there were drawn. logits `[vocab]`: after the place."""
        return draws.draw(logits)


@dataclass(frozen=True, kw_only=True)
class Decode(ABC):
    """Base of all decoding methods, the slot `decode` of a plan.

    A subclass gives a proposer, and a verifier where `Exact` is not what it wants. All tokens of a draft go through the
    model in the pass of the token that they follow: each sees the text and its own ancestors, and whatever else is in
    the plan does to it what it does to a generated token. What was accepted is remembered from that pass, everything
    else leaves no trace. So nothing changes but time, up to the rounding of a pass of several tokens.
    """

    gate: bool = True
    """Whether a draft is cut to what pays by measured times, down to nothing, so that drafting does not lose. Where
    drafts are drawn by chance of their own, the same seed gives the same text only without.
    """

    @abstractmethod
    def proposer(self) -> Proposer:
        """A fresh proposer, for one answer of one sequence."""

    def verifier(self) -> Verifier:
        """Who says what stays."""
        return Exact()

"""The evolutionary search, whatever is searched for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from longspan.extending.candidate import Candidate
from longspan.extending.space import Space
from longspan.parameters import check_range

_TRIES = 20
"""How often a child is drawn again that has been there before."""


@dataclass(frozen=True, kw_only=True)
class Evolution:
    """How long to search, by default as in LongRoPE. https://arxiv.org/abs/2402.13753, algorithm 1

    population: candidates to begin with. iterations: after them. mutated, crossed: children of each iteration.
    parents: the best so far, which they come from.
    """

    population: int = 64
    iterations: int = 40
    mutated: int = 16
    crossed: int = 16
    parents: int = 32

    def __post_init__(self) -> None:
        check_range("population", self.population, 4)
        check_range("iterations", self.iterations, 0)
        check_range("mutated", self.mutated, 1)
        check_range("crossed", self.crossed, 0)
        check_range("parents", self.parents, 2, self.population)

    @classmethod
    def of(cls, population: int, iterations: int) -> Evolution:
        """With the paper's proportions: half of a population are parents, a quarter comes of each kind of child."""
        check_range("population", population, 4)
        quarter = population // 4
        return cls(
            population=population,
            iterations=iterations,
            mutated=quarter,
            crossed=quarter,
            parents=population // 2,
        )

    @property
    def candidates(self) -> int:
        """How many are scored, if each child is a new one."""
        return self.population + self.iterations * (self.mutated + self.crossed)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A candidate and its loss, smaller is better."""

    candidate: Candidate
    loss: float


def evolve(
    space: Space, loss: Callable[[Candidate], float], evolution: Evolution, seed: int
) -> Iterator[Scored]:
    """Every candidate once it is scored. No candidate is scored twice, and the same seed and losses give the same ones.

    The best are never lost: parents are chosen among all that were scored. A child that was there before is drawn
    again, a crossed one is then mutated instead, and left out if that does not help.
    """
    random = Random(seed)  # noqa: S311
    known: set[Candidate] = set()
    best: list[Scored] = []

    def scored(candidate: Candidate) -> Scored:
        known.add(candidate)
        each = Scored(candidate=candidate, loss=loss(candidate))
        best.append(each)
        return each

    def new(draw: Callable[[], Candidate]) -> Candidate | None:
        return next((child for _ in range(_TRIES) if (child := draw()) not in known), None)

    def mutation(among: list[Candidate]) -> Candidate | None:
        parent = random.choice(among)
        return new(lambda: space.mutated(parent, random))

    def crossing(among: list[Candidate]) -> Candidate | None:
        if len(among) < 2:
            return mutation(among)
        parent, other = random.sample(among, 2)
        return new(lambda: space.crossed(parent, other, random)) or new(lambda: space.mutated(parent, random))

    starts = list(dict.fromkeys(space.starts(random, evolution.population)))
    for start in starts:
        yield scored(start)
    for _ in range(evolution.population - len(starts)):
        if (child := mutation(starts)) is not None:
            yield scored(child)
    for _ in range(evolution.iterations):
        best = sorted(best, key=lambda each: each.loss)[: evolution.parents]
        parents = [each.candidate for each in best]
        for _ in range(evolution.mutated):
            if (child := mutation(parents)) is not None:
                yield scored(child)
        for _ in range(evolution.crossed):
            if (child := crossing(parents)) is not None:
                yield scored(child)

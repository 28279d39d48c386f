"""The search with losses that are known beforehand."""

from itertools import islice

import pytest
from scripted import BEST, SPACES, distance

from longspan.extending.candidate import CHILDREN
from longspan.extending.evolving import Evolution, evolve

PAPER = Evolution()
SHORT = Evolution.of(12, 6)


@pytest.mark.parametrize("method", SPACES)
def test_the_search_beats_all_it_begins_with_and_comes_near_the_best(method):
    scored = list(evolve(SPACES[method], distance(method), PAPER, seed=0))
    began = [each.loss for each in scored if each.candidate.origin not in CHILDREN]
    best = min(scored, key=lambda each: each.loss)
    assert best.loss < min(began) / 10
    assert best.loss < 0.1
    assert best.candidate.critical == BEST[method].critical
    drawn = [each.loss for each in scored[: PAPER.population]]
    assert best.loss < min(drawn)


@pytest.mark.parametrize("method", SPACES)
def test_no_candidate_is_scored_twice_and_as_many_as_said(method):
    scored = list(evolve(SPACES[method], distance(method), PAPER, seed=1))
    assert len({each.candidate for each in scored}) == len(scored) == PAPER.candidates == 64 + 40 * 32


@pytest.mark.parametrize("method", SPACES)
def test_a_search_is_a_function_of_its_seed(method):
    runs = [list(evolve(SPACES[method], distance(method), SHORT, seed)) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("method", SPACES)
def test_more_iterations_begin_with_the_same_candidates(method):
    few, many = (
        list(evolve(SPACES[method], distance(method), Evolution.of(12, iterations), 5))
        for iterations in (2, 7)
    )
    assert many[: len(few)] == few
    assert len(many) > len(few)


class Watched:
    """The space of LongRoPE, with a list of those that children came of."""

    def __init__(self):
        self.parents = []
        self.starts = SPACES["longrope"].starts

    def mutated(self, parent, random):
        self.parents.append(parent)
        return SPACES["longrope"].mutated(parent, random)

    def crossed(self, parent, other, random):
        self.parents += [parent, other]
        return SPACES["longrope"].crossed(parent, other, random)


def test_children_come_of_the_best_of_all_that_were_scored():
    space, loss = Watched(), distance("longrope")
    evolution = Evolution(population=16, iterations=3, mutated=20, crossed=10, parents=4)
    scored = []
    for each in evolve(space, loss, evolution, seed=0):
        scored.append(each)
        begun = len(scored) - evolution.population
        if begun > 0 and begun % 30 == 0:
            came, space.parents = set(space.parents), []
            best = sorted(scored[:-30], key=lambda one: one.loss)[: evolution.parents]
            assert came == {one.candidate for one in best}
        elif begun == 0:
            space.parents = []


def test_nothing_is_scored_before_it_is_asked_for():
    asked = []

    def loss(candidate):
        asked.append(candidate)
        return 0.0

    assert len(list(islice(evolve(SPACES["longrope"], loss, SHORT, 0), 5))) == len(asked) == 5


def test_a_space_that_is_used_up_ends_the_search():
    class Two:
        def starts(self, random, most):
            return SPACES["longrope"].starts(random, 2)

        def mutated(self, parent, random):
            return random.choice(self.starts(random, 2))

        def crossed(self, parent, other, random):
            return parent

    assert len(list(evolve(Two(), lambda candidate: 1.0, SHORT, 0))) == 2


def test_smaller_searches_keep_the_proportions():
    assert Evolution.of(64, 40) == PAPER
    assert Evolution.of(6, 3) == Evolution(population=6, iterations=3, mutated=1, crossed=1, parents=3)
    assert Evolution.of(16, 8).candidates == 80
    assert Evolution.of(8, 2).candidates == 16


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"population": 3}, "population=3 is outside 4"),
        ({"iterations": -1}, "iterations=-1 is outside 0"),
        ({"mutated": 0}, "mutated=0 is outside 1"),
        ({"crossed": -1}, "crossed=-1 is outside 0"),
        ({"parents": 1}, "parents=1 is outside 2 .. 64"),
        ({"parents": 65}, "parents=65 is outside 2 .. 64"),
    ],
)
def test_wrong_numbers_are_refused(numbers, says):
    with pytest.raises(ValueError, match=says):
        Evolution(**numbers)

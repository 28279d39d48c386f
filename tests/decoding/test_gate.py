"""What a gate lets through, played with scripted costs: nothing that loses stays on, and what wins is used."""

import random
from statistics import median_low

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.decoding.base import Draft
from longspan.decoding.costs import ROWS, Costs
from longspan.decoding.gate import Gate
from longspan.decoding.odds import Odds, Watched

PACKED = [1.0, 1.11, 1.28, 1.42, 1.6, 1.79, 1.92, 2.06, 2.22, 2.38] + [
    2.38 + 0.16 * more for more in range(1, 8)
]


class Play:
    """A text of random luck. gained: tokens said a plain step, drafting included."""

    def __init__(self, *, drafting=0.0, scores=True, prices=PACKED, seed=0):
        self.gate, self.chances = Gate(), random.Random(seed)
        self.drafting, self.scores, self.prices = drafting, scores, prices

    def gained(self, accepted, steps):
        """accepted: how likely each drafted token is to be right, once those before it are."""
        said = paid = 0.0
        for _ in range(steps):
            kept, room = Draft(), self.gate.room(self.prices)
            if room:
                paid += self.drafting * room
                scores = tuple(accepted ** (1 + depth) for depth in range(room)) if self.scores else ()
                line = Draft(tuple(range(room)), tuple(range(-1, room - 1)), scores=scores)
                kept = self.gate.chosen(line, self.drafting * room, self.prices)
            right = 0
            while right < len(kept.ids) and self.chances.random() < accepted:
                right += 1
            paid += self.prices[len(kept.ids)]
            said += 1 + right
            if kept.ids:
                self.gate.verified(1 + right)
        return said / paid


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("drafting", [0.0, 0.05, 0.3])
def test_who_is_never_right_costs_next_to_nothing(drafting, scores):
    assert Play(drafting=drafting, scores=scores).gained(0.0, 600) > 0.98


@settings(max_examples=20, deadline=None)
@given(accepted=st.floats(0, 1), drafting=st.sampled_from([0.0, 0.05, 0.3, 1.0]), seed=st.integers(0, 99))
def test_no_luck_loses(accepted, drafting, seed):
    assert Play(drafting=drafting, seed=seed).gained(accepted, 500) > 0.95


@pytest.mark.parametrize(
    ("accepted", "drafting", "least"),
    [(0.95, 0.0, 2.5), (0.7, 0.0, 1.25), (0.95, 0.1, 1.9), (0.9, 0.3, 1.15)],
)
@pytest.mark.parametrize("scores", [True, False])
def test_who_is_often_right_is_used(accepted, drafting, least, scores):
    assert Play(drafting=drafting, scores=scores).gained(accepted, 600) > least


@pytest.mark.parametrize("drafting", [0.0, 0.1])
def test_another_text_changes_the_mind(drafting):
    play = Play(drafting=drafting, scores=False)
    assert play.gained(0.0, 400) > 0.96
    play.gained(0.97, 150)
    assert play.gained(0.97, 200) > 1.8
    play.gained(0.0, 40)
    assert play.gained(0.0, 400) > 0.97


def test_scores_that_promise_too_much_are_found_out():
    gate, paid, said = Gate(), 0.0, 0
    for _ in range(500):
        line = Draft((5, 6), (-1, 0), scores=(0.9, 0.8))
        kept = gate.chosen(line, 0.0, PACKED) if gate.room(PACKED) else Draft()
        paid, said = paid + PACKED[len(kept.ids)], said + 1
        if kept.ids:
            gate.verified(1)
    assert said / paid > 0.98


def test_passes_that_cost_as_much_as_steps_are_not_made():
    assert Play(prices=[1.0 + more for more in range(ROWS)]).gained(0.9, 300) > 0.98


def test_a_tree_is_cut_to_its_likeliest_tokens():
    gate = Gate()
    tree = Draft((7, 8, 9, 4), (-1, -1, 0, 1), scores=(0.6, 0.35, 0.5, 0.01))
    gate.room(PACKED)
    kept = gate.chosen(tree, 0.0, PACKED)
    assert kept.ids == (7, 8, 9)
    assert kept.parents == (-1, -1, 0)
    assert kept.scores == (0.6, 0.35, 0.5)


@given(st.data())
def test_the_likeliest_tokens_are_a_tree(data):
    count = data.draw(st.integers(1, 12))
    parents = tuple(data.draw(st.integers(-1, place - 1)) for place in range(count))
    scores = tuple(data.draw(st.floats(0, 1)) for _ in range(count))
    tree = Draft(tuple(range(100, 100 + count)), parents, scores=scores)
    size = data.draw(st.integers(0, count))
    kept = tree.likeliest(size)
    assert len(kept.ids) == size
    paths = {tree.path(place) for place in range(count)}
    assert {kept.path(place) for place in range(size)} <= paths


def test_costs_are_those_of_the_middle_and_lie_on_a_line_between():
    costs = Costs()
    assert costs.plain(1000) is None
    assert costs.prices(1000)[1] == pytest.approx(1.15)
    for seconds in (0.01, 0.01, 0.5, 0.011, 0.009):
        costs.note(1000, 1, seconds)
    for seconds in (0.02, 0.9, 0.019):
        costs.note(1000, 9, seconds)
    assert costs.plain(1000) == median_low([0.01, 0.01, 0.5, 0.011, 0.009])
    prices = costs.prices(1000)
    assert prices[8] == pytest.approx(2.0)
    assert prices[4] == pytest.approx(1.5)
    assert prices[16] == pytest.approx(3.0)
    assert costs.prices(1500)[8] == costs.prices(40_000)[8] == prices[8]
    costs.note(40_000, 1, 0.1)
    costs.note(40_000, 9, 0.12)
    assert costs.prices(40_000)[8] == pytest.approx(1.2)
    assert costs.prices(1000)[8] == pytest.approx(2.0)


@given(st.lists(st.tuples(st.integers(1, 17), st.floats(1e-4, 10)), max_size=30))
def test_prices_never_fall(noted):
    costs = Costs()
    for rows, seconds in noted:
        costs.note(500, rows, seconds)
    prices = costs.prices(500)
    assert len(prices) == ROWS
    assert prices[0] == 1.0
    assert prices == sorted(prices)


def test_drafts_are_compared_with_what_is_said_whether_verified_or_not():
    odds = Odds(lambda kind: 0.5)
    watched = Watched(odds)
    tree = Draft((5, 6, 7), (-1, -1, 0))
    watched.begin(tree, ["a", "b", "c"], end=2)
    watched.follow([1, 2, 5])
    assert odds.of("a") > 0.5 > odds.of("b")
    assert odds.of("c") == 0.5
    watched.begin(Draft.line([9]), ["d"], end=3)  # the first is not decided yet
    watched.follow([1, 2, 5, 8])
    assert odds.of("c") < 0.5
    assert odds.of("d") == 0.5
    watched.begin(Draft.line([9]), ["d"], end=4)
    watched.follow([1, 2, 5, 8, 9, 9])
    assert odds.of("d") > 0.5

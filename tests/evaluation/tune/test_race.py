"""A race of simulated arms: it keeps its time, its limits and the right arms."""

from collections import Counter
from itertools import count, islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.evaluation.tune.race import NoPlan, Race
from longspan.evaluation.tune.standing import Limits, Standing, Trial, Yardstick

BATCH = 6
MIB = 2**20


class World:
    """Arms with a chance to be right, a size and a pace; answering moves the clock."""

    def __init__(self, arms: dict[str, tuple[float, float]], *, answer=0.1, read=0.5, seed=0, pace=None):
        self.arms, self.answer, self.read, self.seed = arms, answer, read, seed
        self.pace = pace or {}
        self.time = 0.0
        self.asked: Counter[str] = Counter()
        self.together: list[tuple[str, ...]] = []

    def clock(self) -> float:
        return self.time

    def measure(self, arms, batch):
        self.time += self.read
        self.together.append(tuple(arms))
        for sample in batch:
            luck = Random(f"{self.seed}/{sample}").random()  # a hard sample is hard for all
            for arm in arms:
                chance, size = self.arms[arm]
                own = Random(f"{self.seed}/{arm}/{sample}").random()
                right = luck < chance if own < 0.8 else own < 0.8 + 0.2 * chance
                self.time += self.answer
                self.asked[arm] += 1
                yield (
                    arm,
                    sample,
                    Trial(score=float(right), memory=size, seconds=self.pace.get(arm, 1.0), context=sample),
                )

    def race(self, *, seconds=600.0, cost=0.6, batches=None, **options) -> Race:
        reference, *arms = self.arms
        race = Race(
            arms=arms,
            reference=reference,
            measure=self.measure,
            clock=self.clock,
            seconds=seconds,
            cost=cost,
            **options,
        )
        endless = ([f"{number}-{place}" for place in range(BATCH)] for number in count())
        race.run(islice(endless, batches))
        return race


def grid(
    quality=lambda method, share: 0.9 - 0.3 * method / 5 - 0.1 / share / 8,
) -> dict[str, tuple[float, float]]:
    """The full cache, and five methods at six sizes; the first are better, smaller sizes worse."""
    shares = (0.5, 0.25, 0.125, 0.26, 0.13, 0.066)
    arms = {
        f"m{method}@{share}": (quality(method, share), share * MIB) for share in shares for method in range(5)
    }
    return {"full": (0.9, MIB)} | arms


@pytest.mark.parametrize("seed", range(5))
def test_the_winner_is_lean_and_as_good_as_the_reference(seed):
    arms = {
        "full": (0.9, 1.0),
        "good-half": (0.9, 0.5),
        "good-quarter": (0.88, 0.25),
        "bad-eighth": (0.3, 0.12),
    }
    arms |= {f"bad{number}": (0.4, 0.25 + number / 100) for number in range(12)}
    race = World(arms, seed=seed).race()
    assert race.winner.arm == "good-quarter"
    assert race.yardstick.difference(race.winner).low >= -race.loss
    assert race.standings["bad-eighth"].dropped


@pytest.mark.parametrize("seed", range(5))
def test_of_equally_lean_arms_the_better_wins(seed):
    arms = {
        "full": (0.95, 1.0),
        **{f"poor{number}": (0.5, 0.25) for number in range(10)},
        "fine": (0.95, 0.2503),
    }
    assert World(arms, seed=seed).race().winner.arm == "fine"


def test_the_reference_wins_where_all_others_are_worse():
    race = World({"full": (0.95, 1.0), **{f"poor{number}": (0.2, 0.25) for number in range(9)}}).race()
    assert race.winner.arm == "full"
    assert race.rivals == []
    assert all("below the full cache" in race.standings[f"poor{number}"].dropped for number in range(9))


def test_arms_are_halved_and_those_left_answer_more():
    world = World(grid(lambda method, share: 0.9))
    race = world.race(seconds=1e6)
    sizes = [len(arms) for arms in world.together]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 31
    assert sizes[-1] <= race.finalists + 1
    done = [len(race.standings[arm].trials) for arm in world.together[-1]]
    assert set(done) == {race.samples}
    assert sum(world.asked.values()) < 0.5 * 31 * race.samples


def test_scores_of_the_arms_that_are_left_are_paired():
    race = World(grid()).race(seconds=60)
    samples = {tuple(sorted(standing.trials)) for standing in race.alive}
    assert len(samples) == 1
    assert len(samples.pop()) >= BATCH


@settings(max_examples=15)
@given(seconds=st.floats(1, 400), answer=st.floats(0.01, 2), read=st.floats(0, 3), seed=st.integers(0, 100))
def test_the_time_is_kept(seconds, answer, read, seed):
    world = World(grid(), answer=answer, read=read, seed=seed)
    if seconds <= read + answer:
        with pytest.raises(NoPlan, match="give the search more time"):
            world.race(seconds=seconds, cost=BATCH * answer)
        return
    race = world.race(seconds=seconds, cost=BATCH * answer)
    assert race.winner.trials
    assert all(standing.trials for standing in race.alive)
    assert world.time <= seconds + read + answer


def test_where_time_is_short_the_last_arms_are_not_tried():
    race = World(grid(), answer=1.0).race(seconds=120, cost=BATCH * 1.0)
    untried = [standing for standing in race.standings.values() if not standing.trials]
    assert {standing.dropped for standing in untried} == {"not tried, for want of time"}
    assert [standing.arm for standing in untried] == list(race.standings)[-len(untried) :]
    assert 20 <= len(untried) < 30


def test_arms_over_a_limit_leave():
    arms = {
        "full": (0.9, 100 * MIB),
        "half": (0.9, 50 * MIB),
        "slow": (0.9, 20 * MIB),
        "lean": (0.9, 25 * MIB),
    }
    race = World(arms, pace={"slow": 3.0}).race(limits=Limits(memory=30 * MIB, seconds=2.0))
    assert race.standings["half"].dropped == "holds 50.0 MiB, more than 30.0"
    assert race.standings["slow"].dropped == "takes 3.00 s, more than 2"
    assert race.winner.arm == "lean"


def test_where_no_arm_within_the_limits_is_good_the_best_of_them_wins():
    arms = {
        "full": (1.0, 100 * MIB),
        "poor": (0.5, 25 * MIB),
        "worse": (0.1, 12 * MIB),
        "rich": (1.0, 90 * MIB),
    }
    race = World(arms).race(limits=Limits(memory=30 * MIB))
    assert race.winner.arm == "poor"
    assert not race.yardstick.holds(race.winner)
    assert race.standings["worse"].dropped


def test_limits_that_no_arm_keeps_are_an_error_with_the_figures():
    race = World({"full": (1.0, 100 * MIB), "lean": (1.0, 25 * MIB)}).race(limits=Limits(memory=MIB))
    with pytest.raises(
        NoPlan, match=r"the leanest holds 25\.0 MiB, the fastest takes 1\.00 s; allow more memory"
    ):
        _ = race.winner


@pytest.mark.parametrize("limits", [{"memory": 0}, {"seconds": -1}, {"memory": float("nan")}])
def test_limits_are_above_0(limits):
    with pytest.raises(ValueError, match="is outside the numbers above 0"):
        Limits(**limits)


def test_few_samples_are_all_used_and_end_the_race():
    race = World(grid()).race(batches=3, samples=3 * BATCH)
    assert len(race.winner.trials) == 3 * BATCH


def test_the_race_is_deterministic():
    first, second = (World(grid(), seed=3).race(seconds=100) for _ in range(2))
    assert {arm: (each.dropped, each.trials) for arm, each in first.standings.items()} == {
        arm: (each.dropped, each.trials) for arm, each in second.standings.items()
    }


def test_an_arm_that_the_callback_drops_is_out():
    world = World({"full": (0.9, 1.0), "broken": (0.9, 0.1), "whole": (0.9, 0.5)})
    measure = world.measure

    def failing(arms, batch):
        race.standings["broken"].dropped = "failed"
        yield from measure([arm for arm in arms if arm != "broken"], batch)

    race = Race(
        arms=["broken", "whole"],
        reference="full",
        measure=failing,
        clock=world.clock,
        seconds=60,
        cost=1,
        loss=0.9,
    )
    race.run([[f"{number}" for number in range(20)]])
    assert race.winner.arm == "whole"
    assert not race.standings["broken"].trials


def standing(arm: str, score: float, memory: float, samples: int = 1) -> Standing:
    return Standing(
        arm=arm,
        trials={
            str(place): Trial(score=score, memory=memory, seconds=1, context=str(place))
            for place in range(samples)
        },
    )


ARMS = st.lists(st.tuples(st.floats(0, 1), st.floats(1, 1000)), min_size=1, max_size=12).map(
    lambda arms: [standing(str(number), *arm) for number, arm in enumerate(arms)]
)


@given(arms=ARMS)
def test_the_front_is_what_none_beats(arms):
    yardstick = Yardstick(reference=standing("full", 0.5, 1000), loss=0.1)
    front = yardstick.front(arms)
    assert front
    assert not any(yardstick.beats(one, other) for one in arms for other in front)
    assert all(any(yardstick.beats(one, other) for one in front) for other in arms if other not in front)


@given(arms=ARMS)
def test_the_ranking_is_a_permutation_that_begins_with_the_front(arms):
    yardstick = Yardstick(reference=standing("full", 0.5, 1000), loss=0.1)
    ranked = yardstick.ranked(arms)
    assert sorted(each.arm for each in ranked) == sorted(each.arm for each in arms)
    assert {each.arm for each in ranked[: len(yardstick.front(arms))]} == {
        each.arm for each in yardstick.front(arms)
    }
    assert not any(
        yardstick.beats(later, earlier) for place, earlier in enumerate(ranked) for later in ranked[place:]
    )


def test_a_lean_arm_that_is_good_enough_comes_before_a_better_rich_one():
    yardstick = Yardstick(reference=standing("full", 0.9, 1000, 80), loss=0.2)
    lean, rich, poor = (
        standing("lean", 0.85, 100, 80),
        standing("rich", 0.9, 500, 80),
        standing("poor", 0.3, 50, 80),
    )
    assert [each.arm for each in yardstick.ranked([poor, rich, lean])] == ["lean", "rich", "poor"]
    assert yardstick.best([poor, rich, lean]) is lean
    assert yardstick.best([poor, standing("fair", 0.6, 400, 80)]).arm == "fair"


@pytest.mark.parametrize("seed", range(3))
def test_the_less_was_asked_the_less_is_allowed(seed):
    """An arm that loses a little is chosen only where enough was asked to show that it is a little."""
    arms = {"full": (0.7, 1.0), "lossy": (0.68, 0.25)}
    few, many = (
        World(arms, seed=seed).race(samples=samples, seconds=1e6) for samples in (2 * BATCH, 80 * BATCH)
    )
    assert (few.winner.arm, many.winner.arm) == ("full", "lossy")


def test_questions_about_one_text_show_little():
    trials = {str(n): Trial(score=1.0, memory=1.0, seconds=1, context=str(n // 20)) for n in range(60)}
    full, lean = Standing(arm="full", trials=trials), Standing(arm="lean", trials=dict(trials))
    assert not Yardstick(reference=full, loss=0.1).holds(lean)
    apart = {name: Trial(score=1.0, memory=1.0, seconds=1, context=name) for name in trials}
    full, lean = Standing(arm="full", trials=apart), Standing(arm="lean", trials=dict(apart))
    assert Yardstick(reference=full, loss=0.1).holds(lean)

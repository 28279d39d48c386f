"""What a run says, in words: which plan is best, and at which memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from longspan.evaluation.report.answers import plan_name
from longspan.evaluation.report.front import AXES, Axis, Point, Standing
from longspan.evaluation.report.wording import interval, length_name, memory, number, points, seconds, signed

MARGIN = 0.05
"""A plan counts as near the first one if its interval ends above a loss of this share of the score."""

MIN_CONTEXTS = round(3 / MARGIN)
"""With samples about fewer texts it cannot: n without a loss still leave open one of 3/n (the rule of three)."""

_MEMORY, _, _TIME = AXES


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The words about one length: sentences with plans between backticks, and the best plan from each memory on."""

    title: str
    basis: str
    sentences: tuple[str, ...]
    best: tuple[tuple[str, Point], ...]
    """Cost from which on the plan is the best one, and the plan."""


def findings(standings: tuple[Standing, ...]) -> tuple[Finding, ...]:
    """What there is to say about each length."""
    return tuple(
        Finding(
            title=length_name(standing.length),
            basis=_basis(standing),
            sentences=tuple(_sentences(standing)),
            best=tuple(_best(standing)),
        )
        for standing in standings
    )


def _basis(standing: Standing) -> str:
    asked = f"{number(standing.samples, 'sample')} of {_tasks(standing)}"
    if not standing.paired:
        return f"{asked} or more, not the same for every plan, so there are no differences"
    made = f", {number(len(standing.stand_ins), 'stand-in')} among them" if standing.stand_ins else ""
    return f"{asked}{made}, that every plan answered"


def _tasks(standing: Standing) -> str:
    return standing.tasks[0] if len(standing.tasks) == 1 else number(len(standing.tasks), "task")


def _sentences(standing: Standing) -> Iterator[str]:
    first = standing.first
    best = max(standing.points, key=lambda point: point.score.mean)
    if first is not None:
        yield f"{_named(first)} scores {_score(first)}{_costs(first)}."
    if best is not first and len(standing.points) > 1 and best.score.mean > 0:
        yield f"{_named(best)} scores highest: {_score(best)}{_against(best)}."
    if not best.score.mean:
        yield "No plan gets anything right, so there is nothing to choose between."
    elif first is not None and len(standing.points) > 1 and standing.paired:
        yield from _cheaper(standing, first, _MEMORY, "memory", "holds")
        yield from _cheaper(standing, first, _TIME, "time", "takes")
    if standing.left_out:
        named = ", ".join(f"`{plan_name(plan)}`" for plan in standing.left_out)
        yield f"Left out, because fewer than half of the samples were answered: {named}."


def _cheaper(standing: Standing, first: Point, axis: Axis, kind: str, verb: str) -> Iterator[str]:
    """The cheapest plan whose loss is small even at the lower end of its interval."""
    whole = axis.cost(first)
    if whole is None:
        return
    costs = [(axis.cost(point), point) for point in standing.points if point is not first]
    below = [(cost, point) for cost, point in costs if cost is not None and cost < whole]
    if not below:
        yield f"No plan {verb} less {kind} than {_named(first)}."
        return
    near = [(cost, point) for cost, point in below if _is_near(point)]
    if not near:
        nearest = max((point for _, point in below), key=lambda point: point.score.mean)
        yield (
            f"No plan that {verb} less {kind} is shown to stay within {100 * MARGIN:g} points of it; "
            f"the nearest is {_named(nearest)}{_against(nearest)}."
        )
        return
    cost, point = min(near, key=lambda each: each[0])
    share = f"{100 * cost / whole:.0f} % of {_named(first)}"
    yield (
        f"Least {kind} within {100 * MARGIN:g} points: "
        f"{_named(point)} {verb} {_shown(axis, cost)}, {share}{_peak(axis, point)}{_against(point)}."
    )


def _is_near(point: Point) -> bool:
    found = point.difference
    return (
        found is not None and found.contexts >= MIN_CONTEXTS and (not found.differing or found.low >= -MARGIN)
    )


def _peak(axis: Axis, point: Point) -> str:
    """A reminder for plans that hold much more while they read than afterwards."""
    peak, held = point.peak_kv_bytes, point.kv_bytes
    if axis is not _MEMORY or peak is None or held is None or peak < 1.5 * held:
        return ""
    return f", but up to {memory(peak)} while it reads"


def _best(standing: Standing) -> Iterator[tuple[str, Point]]:
    for axis in (_MEMORY, _TIME):
        front = standing.front(axis)
        if front:
            yield from (
                (_shown(axis, cost), point) for point in front if (cost := axis.cost(point)) is not None
            )
            return


def _named(point: Point) -> str:
    return f"`{plan_name(point.plan)}`"


def _score(point: Point) -> str:
    ends = interval(point.score)
    return points(point.score.mean) + (f" ({ends})" if ends else "")


def _against(point: Point) -> str:
    """The difference to the first plan, with the words that chance asks for."""
    found = point.difference
    if found is None:
        return ""
    if not found.differing:
        return ", with the same score on every sample"
    ends = interval(found)
    chance = "" if found.sign else ", which chance may explain"
    return f"; {signed(found.mean)} points" + (f" ({ends})" if ends else "") + f"{chance}"


def _costs(point: Point) -> str:
    held = f" with {memory(point.kv_bytes)} of keys and values" if point.kv_bytes is not None else ""
    return (
        f"{held} and {seconds(point.seconds)} an answer"
        if held
        else f" in {seconds(point.seconds)} an answer"
    )


def _shown(axis: Axis, cost: float) -> str:
    return memory(cost) if axis.unit == "bytes" else seconds(cost)

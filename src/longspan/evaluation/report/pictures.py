"""The pictures of a report, as SVG elements. Plans are shown by their letters, so no text of others is in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from longspan.evaluation.report.answers import letter
from longspan.evaluation.report.canvas import (
    GRID,
    INK,
    MUTED,
    ON_HEAT,
    PAGE,
    axes_of,
    heat_colour,
    plan_colour,
    svg,
)
from longspan.evaluation.report.curves import Chart, HeatMap
from longspan.evaluation.report.front import Axis, Standing

_SIZE = (330.0, 250.0)
_APART = 11.0
"""Least distance of letters, in points."""
_LOG_FROM = 8
"""Costs that differ by this factor or more stand on a logarithmic axis."""


def quality_against(standing: Standing, axis: Axis, plans: Sequence[str], name: str) -> str:
    """Score against a cost, with intervals; plans on the front are filled and joined by steps."""
    shown = [(point, cost) for point in standing.points if (cost := axis.cost(point)) is not None]
    front = standing.front(axis)
    unit, label = _unit(axis, max(cost for _, cost in shown))
    picture = axes_of(_SIZE, (40, 14, 38, 22))
    costs = [cost / unit for _, cost in shown]
    _score_axis(picture, [(point.score.low, point.score.mean, point.score.high) for point, _ in shown])
    _cost_axis(picture, costs, label)
    stairs = [(costs[[each for each, _ in shown].index(point)], 100 * point.score.mean) for point in front]
    if stairs:
        end = picture.get_xlim()[1]
        picture.plot(
            [*(x for x, _ in stairs), end],
            [*(y for _, y in stairs), stairs[-1][1]],
            drawstyle="steps-post",
            color=MUTED,
            linewidth=1.2,
        )
    for (point, _), cost in zip(shown, costs, strict=True):
        colour = plan_colour(plans.index(point.plan))
        picture.plot(
            [cost] * 2, [100 * point.score.low, 100 * point.score.high], color=colour, alpha=0.55, lw=1.5
        )
        picture.plot(
            cost,
            100 * point.score.mean,
            linestyle="none",
            marker="o",
            markersize=8,
            markeredgewidth=2,
            markeredgecolor=colour,
            markerfacecolor=colour if point in front else PAGE,
        )
    letters = [letter(plans.index(point.plan)) for point, _ in shown]
    _letters_beside(picture, letters, costs, [100 * point.score.mean for point, _ in shown])
    return svg(picture, name, f"Score against {axis.title.lower()}; the figures are in the table of plans")


def over_lengths(chart: Chart, plans: Sequence[str], name: str) -> str:
    """Score by length."""
    picture = axes_of(_SIZE, (34, 24, 38, 22))
    picture.set_xscale("log")
    picture.xaxis.set_minor_locator(NullLocator())
    picture.xaxis.set_major_locator(FixedLocator(list(chart.places)))
    picture.xaxis.set_major_formatter(FuncFormatter(lambda place, _: _length(place)))
    picture.set_xlabel("length in tokens")
    _curves(picture, chart, plans)
    return svg(picture, name, "Score by length; the figures are in the tables of scores")


def over_depths(chart: Chart, plans: Sequence[str], name: str) -> str:
    """Score by depth."""
    picture = axes_of(_SIZE, (34, 24, 38, 22))
    picture.set_xlim(-0.02, 1.02)
    picture.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    picture.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{100 * place:.0f} %"))
    picture.set_xlabel("depth: how far into the text the answer lies")
    _curves(picture, chart, plans)
    return svg(picture, name, "Score by the depth at which the answer lies")


def heat_map(found: HeatMap, name: str) -> str:
    """Score by depth, downwards, and length, with the score in each cell."""
    rows, columns = len(found.depths), len(found.lengths)
    picture = axes_of((230, 52 + 16 * max(rows, 5)), (40, 4, 36, 4))
    picture.spines["bottom"].set_visible(False)
    picture.set_xlim(0, columns)
    picture.set_ylim(rows, 0)
    for (row, depth), (column, length) in product(enumerate(found.depths), enumerate(found.lengths)):
        score, _ = found.cells.get((depth, length), (None, 0))
        if score is None:
            picture.add_patch(
                Rectangle((column, row), 1, 1, facecolor=PAGE, edgecolor=GRID, hatch="///", linewidth=0)
            )
        else:
            cell = Rectangle((column, row), 1, 1, facecolor=heat_colour(score), edgecolor=PAGE, linewidth=1.5)
            picture.add_patch(cell)
            colour = ON_HEAT if score >= 0.55 else INK
            shown = f"{100 * score:.0f}"
            picture.text(column + 0.5, row + 0.5, shown, color=colour, ha="center", va="center", fontsize=8.5)
    step = 1 + rows // 14
    picture.set_yticks(
        [row + 0.5 for row in range(0, rows, step)], [f"{100 * each:.0f} %" for each in found.depths[::step]]
    )
    picture.set_xticks([column + 0.5 for column in range(columns)], [_length(each) for each in found.lengths])
    picture.set_xlabel("length in tokens")
    return svg(picture, name, "Score by depth, downwards, and length, to the right")


def _curves(picture: Axes, chart: Chart, plans: Sequence[str]) -> None:
    picture.set_ylim(-3, 103)
    _scores_upwards(picture, FixedLocator([0, 25, 50, 75, 100]))
    ends: list[tuple[str, float]] = []
    for curve in chart.curves:
        number = plans.index(curve.plan)
        colour = plan_colour(number)
        places = [place for place in chart.places if place in curve.scores]
        scores = [curve.scores[place] for place in places]
        low, mean, high = (
            [100 * getattr(score, each) for score in scores] for each in ("low", "mean", "high")
        )
        picture.fill_between(places, low, high, color=colour, alpha=0.1, linewidth=0)
        marker = "o" if len(places) <= 12 else ""
        picture.plot(places, mean, color=colour, linewidth=2, marker=marker, markersize=4.5)
        ends.append((letter(number), mean[-1]))
    _letters_at_the_right(picture, ends)


def _score_axis(picture: Axes, scores: Sequence[tuple[float, float, float]]) -> None:
    """As much of 0 to 100 as the scores and their intervals need."""
    low, high = 100 * float(np.nanmin(scores)), 100 * float(np.nanmax(scores))
    room = max(3.0, 0.1 * (high - low))
    picture.set_ylim(max(-3, low - room), min(103, high + room))
    _scores_upwards(picture, MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _scores_upwards(picture: Axes, ticks: Locator) -> None:
    picture.yaxis.set_major_locator(ticks)
    picture.grid(axis="y", color=GRID, linewidth=0.8)
    picture.set_title("score", loc="left", fontsize=10, color=MUTED, pad=6, x=-0.12)


def _cost_axis(picture: Axes, costs: Sequence[float], label: str) -> None:
    low, high = min(costs), max(costs)
    if low > 0 and high / low >= _LOG_FROM:
        picture.set_xscale("log")
        picture.set_xlim(low / 1.4, high * 1.4)
        picture.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
        picture.xaxis.set_minor_locator(NullLocator())
        label += ", logarithmic"
    else:
        room = 0.12 * (high - low) or 0.1 * high or 1
        picture.set_xlim(max(0, low - room), high + room)
        picture.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    picture.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,g}"))
    picture.set_xlabel(label)


def _unit(axis: Axis, highest: float) -> tuple[float, str]:
    """What costs are divided by, and the axis's label."""
    if axis.unit == "seconds":
        return (60, "minutes") if highest >= 600 else (1, "seconds")
    size, name = next(
        (size, name)
        for size, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "bytes"))
        if highest >= size
    )
    return size, name


def _letters_beside(picture: Axes, letters: Sequence[str], x: Sequence[float], y: Sequence[float]) -> None:
    """Each letter where it is farthest from other dots and letters, the nearest places first."""
    dots = np.asarray(picture.transData.transform(np.column_stack([x, y])))
    taken = [*dots]
    area = picture.get_window_extent()
    for text, dot in zip(letters, dots, strict=True):
        spots = [
            dot + spot
            for spot in _around()
            if area.x0 < (dot + spot)[0] < area.x1 and (dot + spot)[1] < area.y1
        ]
        place = max(spots, key=lambda spot: min(_APART, _nearest(spot, taken, dot)))
        taken.append(place)
        at_x, at_y = picture.transData.inverted().transform(place)
        picture.text(at_x, at_y, text, ha="center", va="center", weight="bold", color=INK)


def _around() -> list[NDArray[np.float64]]:
    angles = np.radians([45, 135, 0, 180, -45, -135, 22, 158, -22, -158])
    return [radius * np.array([np.cos(angle), np.sin(angle)]) for radius in (12, 17, 23) for angle in angles]


def _nearest(
    spot: NDArray[np.float64], taken: Sequence[NDArray[np.float64]], own: NDArray[np.float64]
) -> float:
    return min((float(np.hypot(*(spot - each))) for each in taken if each is not own), default=np.inf)


def _letters_at_the_right(picture: Axes, ends: Sequence[tuple[str, float]]) -> None:
    """Letters at the ends of curves, moved up or down where they would cover each other."""
    low, high = picture.get_ylim()
    apart = _APART * (high - low) / picture.get_window_extent().height
    rising = sorted(ends, key=lambda end: end[1])
    heights = _spread([score for _, score in rising], apart, highest=high)
    for (text, _), height in zip(rising, heights, strict=True):
        place = picture.get_yaxis_transform()
        picture.text(1.02, height, text, transform=place, va="center", weight="bold", color=INK)


def _spread(rising: Sequence[float], apart: float, highest: float) -> list[float]:
    """Places near the rising numbers, at least `apart` from each other and none above `highest`."""
    places: list[float] = []
    for number in rising:
        places.append(max(number, places[-1] + apart) if places else number)
    for place in reversed(range(len(places))):
        places[place] = min(places[place], highest)
        highest = places[place] - apart
    return places


def _length(length: float) -> str:
    whole = round(length)
    return f"{whole // 1024}k" if whole % 1024 == 0 else f"{whole:,}"

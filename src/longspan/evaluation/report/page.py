"""The page: everything that a run found, in one HTML file that needs no other."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from longspan.evaluation.report import curves, pictures, samples, wording
from longspan.evaluation.report.about import about
from longspan.evaluation.report.answers import Answers, letter, plan_name
from longspan.evaluation.report.canvas import HUES, STEPS
from longspan.evaluation.report.cost import cost
from longspan.evaluation.report.effective import Reach, definition
from longspan.evaluation.report.front import AXES, Standing
from longspan.evaluation.report.judged import Judged
from longspan.evaluation.report.summary import Finding
from longspan.evaluation.report.table import Row


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An SVG element with its title; plans: those shown."""

    svg: Markup
    title: str
    plans: tuple[str, ...]


def page(
    answers: Answers,
    *,
    standings: tuple[Standing, ...],
    findings: tuple[Finding, ...],
    reaches: tuple[Reach, ...],
    judged: tuple[Judged, ...],
    rows: tuple[Row, ...],
    means: tuple[Row, ...],
) -> str:
    """The page as HTML. All texts of the run are untrusted: they are escaped, and no other script can run."""
    script = _file("page.js")
    environment = Environment(
        loader=PackageLoader("longspan.evaluation.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": wording.points,
        "interval": wording.interval,
        "signed": wording.signed,
        "memory": wording.memory,
        "seconds": wording.seconds,
        "tokens": wording.tokens,
        "length_name": wording.length_name,
        "number": wording.number,
        "digits": wording.digits,
        "plan_name": plan_name,
        "cut": samples.cut,
        "code": _code,
        "web": _web,
    }
    return environment.get_template("page.html").render(
        answers=answers,
        run=answers.run,
        letters={plan: letter(number) for number, plan in enumerate(answers.plans)},
        hues={plan: number % HUES for number, plan in enumerate(answers.plans)},
        steps=STEPS,
        findings=findings,
        standings=standings,
        fronts={standing.length: tuple(_fronts(standing, answers)) for standing in standings},
        by_length=tuple(_charts(curves.by_length(answers), answers, "length")),
        by_length_of_each=tuple(_charts(curves.by_length_of_each(answers), answers, "task-length")),
        reaches=reaches,
        judged=judged,
        reach_of={(each.plan, each.task): each for each in reaches},
        holding=definition(),
        by_depth=tuple(_charts(curves.by_depth(answers), answers, "depth")),
        heat_maps=tuple(_heat_maps(answers)),
        rows=rows,
        means_at={
            length: tuple(dict.fromkeys((row.level, row.name) for row in means if row.length == length))
            for length in answers.lengths
        },
        cells={(row.plan, row.level, row.name, row.length): row for row in (*rows, *means)},
        origin_of=lambda level, name, length: next(
            (row.origin for row in means if (row.level, row.name, row.length) == (level, name, length)), ""
        ),
        shown=samples.shown(answers),
        cost=cost(answers),
        facts=tuple((name, tuple(about(run))) for name, run in answers.runs),
        style=Markup(_file("page.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _fronts(standing: Standing, answers: Answers) -> Iterator[Picture]:
    for axis in AXES:
        measured = tuple(point.plan for point in standing.points if axis.cost(point) is not None)
        if measured:
            name = f"front-{standing.length}-{axis.name}"
            svg = pictures.quality_against(standing, axis, answers.plans, name)
            yield Picture(svg=Markup(svg), title=axis.title, plans=measured)  # noqa: S704


def _charts(charts: tuple[curves.Chart, ...], answers: Answers, name: str) -> Iterator[Picture]:
    draw = pictures.over_depths if name == "depth" else pictures.over_lengths
    for number, chart in enumerate(charts):
        plans = tuple(curve.plan for curve in chart.curves)
        svg = draw(chart, answers.plans, f"{name}-{number}")
        yield Picture(svg=Markup(svg), title=chart.title, plans=plans)  # noqa: S704


def _heat_maps(answers: Answers) -> Iterator[tuple[str, tuple[Picture, ...]]]:
    for number, (name, maps) in enumerate(curves.heat_maps(answers)):
        yield (
            name,
            tuple(
                Picture(
                    svg=Markup(pictures.heat_map(each, f"heat-{number}-{place}")),  # noqa: S704
                    title=plan_name(each.plan),
                    plans=(each.plan,),
                )
                for place, each in enumerate(maps)
            ),
        )


def _code(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _web(address: Any) -> bool:
    """Whether an address may stand in a link."""
    return isinstance(address, str) and address.startswith(("https://", "http://"))


def _file(name: str) -> str:
    return (files("longspan.evaluation.report") / "template" / name).read_text("utf-8")

"""`longspan tune`: which plan is best for a model, your documents, and your memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from longspan.cli.loaded import ModelOption, WeightsOption, loaded_model
from longspan.cli.variables import TemplateOption, variables_of
from longspan.cli.waiting import Lines
from longspan.parameters import check_choice, check_range
from longspan.plan import Plan
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.evaluation.task import Task
    from longspan.evaluation.tune.search import Stage
    from longspan.evaluation.tune.tuning import Finding, Tuning

_BYTES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SECONDS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def tune(
    documents: Annotated[
        Path,
        typer.Option(help="A folder with documents of yours, or one file; its text is what is asked about."),
    ],
    model: ModelOption = None,
    memory: Annotated[
        str | None,
        typer.Option(help="What keys and values may take when a question is answered, such as 200MiB."),
    ] = None,
    time_per_question: Annotated[
        str | None, typer.Option(help="What reading and answering may take on the mean, such as 5s.")
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="Your own questions with answers, a .jsonl file; by default they are made."),
    ] = None,
    plans: Annotated[
        list[str] | None,
        typer.Option(
            help='A plan to race, as "slot=method(...) ..." or a .toml file; may be repeated. By default each policy '
            "at three budgets, with and without int8, and each codec and selector."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file for the winner, replaced if it is there.")] = Path(
        "plan.toml"
    ),
    length: Annotated[
        int | None,
        typer.Option(
            help="Tokens of a text with its question; by default an eighth of the window, at most 4096."
        ),
    ] = None,
    question: Annotated[
        str,
        typer.Option(
            help="seen: policies act when the question has been read; unseen: on the text alone, as when one text "
            "serves many questions."
        ),
    ] = "seen",
    time_limit: Annotated[
        str, typer.Option(help="How long the search may take once the model is loaded.")
    ] = "10m",
    loss: Annotated[
        float,
        typer.Option(help="Points of 100 that the winner may lose against the full cache, shown at 95 %."),
    ] = 10.0,
    template: TemplateOption = None,
    seed: Annotated[int, typer.Option(help="The questions are a function of it.")] = 0,
    weights: WeightsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Race plans on questions about your documents and write the best one to a file."""
    held = read_amount("--memory", memory, _BYTES, "2GiB") if memory else None
    spent = (
        read_amount("--time-per-question", time_per_question, _SECONDS, "5s") if time_per_question else None
    )
    limit = read_amount("--time-limit", time_limit, _SECONDS, "10m")
    check_range("--time-limit", limit, 1)
    check_range("--loss", loss, 0, 100)
    if length is not None:
        check_range("--length", length, 1)
    chosen, variables = [Plan.of(text) for text in plans or ()], variables_of(template)

    from longspan.evaluation.tune.corpus import Corpus
    from longspan.evaluation.tune.plan_file import check_path, write_plan

    check_path(out)
    corpus = Corpus.open(documents)
    asked = _own(questions) if questions else None
    for skipped in corpus.skipped:
        typer.echo(f"note: left out: {printable(skipped, lines=False)}", err=True)

    from longspan.evaluation.asking import Question
    from longspan.evaluation.tune.standing import Limits
    from longspan.evaluation.tune.tune import tune as search

    check_choice("--question", question, get_args(Question))
    given = {"memory": held, "seconds": spent}
    limits = Limits(**{name: value for name, value in given.items() if value is not None})
    loaded = loaded_model(model, weights=weights)
    with _Display(limit) as display:
        found = search(
            loaded,
            corpus,
            plans=chosen,
            questions=asked,
            length=length,
            limits=limits,
            loss=loss / 100,
            seconds=limit,
            question=question,  # type: ignore[arg-type]
            template=variables,
            seed=seed,
            watch=display.watch,
        )
    write_plan(out, found.winner, _notes(found, loaded.name))
    if as_json:
        record = {
            "file": str(out),
            "model": loaded.name,
            "documents": len(corpus.documents),
            **found.to_dict(),
        }
        typer.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    _show(found, out, {str(plan) for plan in chosen})


def read_amount(name: str, text: str, units: Mapping[str, float], example: str) -> float:
    """A positive number with one of the units. Raises ValueError, with the name of the option, for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z]*)\s*", text)
    if match is None or (unit := match[2].lower()) not in units or not float(match[1]):
        known = ", ".join(filter(None, units))
        raise ValueError(
            f"{name}={text} is not a number above 0 with a unit ({known}); write {name} {example}"
        )
    return float(match[1]) * units[unit]


def _own(path: Path) -> Task:
    from longspan.evaluation.catalogue import find

    if path.suffix not in (".jsonl", ".json"):
        raise ValueError(
            f"--questions={path} is not a .jsonl file; write one question with its answers a line"
        )
    return find([str(path)])[0]


def _notes(found: Tuning, model: str) -> list[str]:
    best, full = found.best, found.reference
    return [
        f"Written by longspan tune for {model}, contexts of {found.length:,} tokens, seed {found.seed}.",
        f"Score {_score(best)} on {best.questions} questions, the full cache {_score(full)}.",
        f"Keys and values take {_size(best)}, the full cache {_size(full)}.",
    ]


def _show(found: Tuning, out: Path, named: set[str]) -> None:
    """The front, the full cache and every plan that was asked for by name; and why the winner won."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 140)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("plan", overflow="fold")
    for head in ("score", "to full", "95 %", "memory", "of full", "s a question"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("left, because", overflow="fold")
    shown = {each.plan for each in (*found.front, found.reference)} | named
    for each in sorted(found.findings, key=lambda each: (math.isnan(each.kv_bytes), each.kv_bytes)):
        if each.plan in shown:
            table.add_row("→" if each is found.best else "", *_cells(each, found.reference))
    console.print(table)
    if left := sum(each.plan not in shown for each in found.findings):
        console.print(f"{left} more left the race; --json has them all", markup=False)
    for note in found.notes:
        console.print(f"note: {note}", markup=False)
    kinds = ", ".join(f"{kind} {score:.2f}" for kind, score in found.by_kind.items())
    console.print(
        f"{len(found.findings)} plans, {found.best.questions} questions, {found.seconds:.0f} s; the full cache "
        f"by kind: {printable(kinds, lines=False)}",
        markup=False,
    )
    console.print(f"chosen: {found.why}", markup=False)
    console.print(f"written to {printable(str(out), lines=False)}; use it with --plan", markup=False)


def _cells(each: Finding, full: Finding) -> tuple[Text | str, ...]:
    name = Text(printable(each.plan, lines=False) or "(full cache)")
    if math.isnan(each.score):
        return (name, *["–"] * 6, Text(printable(each.dropped, lines=False)))
    apart = "" if math.isnan(each.difference) else f"{100 * each.difference:+.1f}"
    ends = (
        ""
        if math.isnan(each.difference_low)
        else f"{100 * each.difference_low:+.1f} to {100 * each.difference_high:+.1f}"
    )
    share = f"{each.kv_bytes / full.kv_bytes:.0%}"
    left = Text(printable(each.dropped, lines=False))
    return name, _score(each), apart, ends, _size(each), share, f"{each.seconds:.2f}", left


def _score(finding: Finding) -> str:
    if math.isnan(finding.low):
        return f"{finding.score:.2f}"
    return f"{finding.score:.2f} ({finding.low:.2f}–{finding.high:.2f})"


def _size(finding: Finding) -> str:
    return decimal(int(finding.kv_bytes))


class _Display:
    """How much of the time is over, on standard error."""

    def __init__(self, limit: float) -> None:
        console = Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of at most"),
        )
        self._bars = Bars(
            *columns,
            TextColumn("{task.total:.0f} s"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("asking the full cache", total=limit)
        self._lines = None if console.is_terminal else Lines()
        self._limit = limit

    def watch(self, stage: Stage) -> None:
        """Shows a stage."""
        said = f"{stage.plans} plans, {stage.answers} answers" if stage.plans > 1 else "asking the full cache"
        self._bars.update(self._task, completed=stage.seconds, description=said)
        if self._lines is not None:
            self._lines(f"{said}: {stage.seconds:.0f} of at most {self._limit:.0f} s")

    def __enter__(self) -> _Display:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

"""`longspan eval`: how good a model is at some tasks under some plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from longspan.cli.lengths import read_lengths
from longspan.cli.models import shown_progress
from longspan.cli.report import standing_table, table_console
from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.origin import ORIGINS
from longspan.evaluation.prompt import TooLong
from longspan.evaluation.record import RunFolder, task_facts
from longspan.evaluation.task import said_origins
from longspan.evaluation.work import Question
from longspan.parameters import check_choice, check_range
from longspan.plan import Plan
from longspan.spans import printable


def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK...", help="A family such as ruler, a task such as ruler/vt, or a .jsonl file."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A short name, folder, .gguf file or hub id; by default the embedded model."),
    ] = None,
    plan: Annotated[
        list[str] | None,
        typer.Option(help='A plan to measure, as "slot=method(...) ..." or a .toml file; may be repeated.'),
    ] = None,
    length: Annotated[str, typer.Option(help="Lengths of generated tasks in tokens, 4096,16384.")] = "4096",
    samples: Annotated[
        int, typer.Option(help="Samples of each task and length; 0 for all of a data set.")
    ] = 20,
    out: Annotated[
        Path | None, typer.Option(help="The folder that the run is kept in; run again to go on with it.")
    ] = None,
    question: Annotated[
        str,
        typer.Option(
            help="seen: policies act when the question has been read; unseen: on the context alone."
        ),
    ] = "seen",
    too_long: Annotated[
        str,
        typer.Option(help="Samples over the window: skip, or cut the context's middle, start or end."),
    ] = "skip",
    haystack: Annotated[
        Path | None, typer.Option(help="A text to hide needles in, instead of the built-in essays.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A folder with local copies of data sets.")] = None,
    seed: Annotated[int, typer.Option(help="Generated samples are a function of it.")] = 0,
    chunk: Annotated[int, typer.Option(help="Tokens that pass through the model at a time.")] = 2048,
    batch: Annotated[
        int,
        typer.Option(
            help="Answers generated side by side: more take less time in all, 1 gives each answer's own time."
        ),
    ] = 1,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Address of an OpenAI-compatible server to ask instead, such as http://host/v1."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="The model whose tokens are counted for an endpoint; by default the embedded one."),
    ] = None,
    parallel: Annotated[int, typer.Option(help="Requests to an endpoint at a time.")] = 4,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an endpoint's answer.")] = 600.0,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Spread over a Ray cluster at this address; auto for the one at hand, local for one here."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Show the tasks and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure plans on tasks. A run that was stopped goes on where it was."""
    if show:
        _list(names or [], data, as_json)
        return
    if not names or out is None:
        raise ValueError("write longspan eval TASK... --out FOLDER; longspan eval --list shows the tasks")
    lengths = read_lengths(length)
    check_range("--samples", samples, 0)
    check_range("--chunk", chunk, 1)
    check_range("--batch", batch, 1)
    chosen = find(names)
    plans = tuple(dict.fromkeys(Plan.of(each) for each in plan or [""]))
    if data is not None and not data.is_dir():
        raise ValueError(f"--data={data} is not a folder; name the folder that holds the data sets")

    from longspan.evaluation.run import Job, Progress, run
    from longspan.evaluation.targets import target_of

    check_choice("--question", question, get_args(Question))
    check_choice("--too-long", too_long, get_args(TooLong))
    job = Job(
        tasks=chosen,
        plans=plans,
        lengths=lengths,
        samples=samples or None,
        seed=seed,
        question=question,  # type: ignore[arg-type]
        too_long=too_long,  # type: ignore[arg-type]
        haystack=Haystack.open(haystack) if haystack else Haystack.built_in(),
        data=data,
    )
    folder = RunFolder(out)
    console = Console(stderr=True, highlight=False)
    with shown_progress() as loading:
        target = target_of(
            model,
            chunk=chunk,
            batch=batch,
            endpoint=endpoint,
            tokenizer=tokenizer,
            parallel=parallel,
            timeout=timeout,
            ray=ray,
            progress=loading,
        )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("answers", total=None)

        def report(progress: Progress) -> None:
            if progress.record is None:
                for line in said_origins(chosen, data):
                    console.print(printable(line, lines=False), soft_wrap=True)
            name = printable(progress.record.task, lines=False) if progress.record else "answers"
            bars.update(bar, completed=progress.done, total=progress.total, description=name)

        run(job, target, folder, report)
    _summary(folder, as_json)


def _list(names: list[str], data: Path | None, as_json: bool) -> None:
    chosen = find(names) if names else tasks()
    if as_json:
        typer.echo(json.dumps([task_facts(task, data) for task in chosen], indent=2, ensure_ascii=False))
        return
    table = Table("task", "items", "find", "use", "metric", "what is asked", box=None, pad_edge=False)
    for task in chosen:
        asked = f"{task.description} Unlike the paper: {task.unlike}." if task.unlike else task.description
        table.add_row(task.name, task.origin_of(data), task.diffusion, task.scope, task.metric, asked)
    table_console().print(table)
    for origin, words in ORIGINS.items():
        typer.echo(f"{origin}: {words}")


def _summary(folder: RunFolder, as_json: bool) -> None:
    """The plans at each length; pictures and tasks are the report's."""
    from longspan.evaluation.report.answers import Answers
    from longspan.evaluation.report.front import standings

    found = standings(Answers.of(folder))
    if as_json:
        typer.echo(json.dumps([each.to_dict() for each in found], indent=2, ensure_ascii=False))
        return
    console = table_console()
    for standing in found:
        console.print(standing_table(standing))
    typer.echo(
        f"longspan report {printable(str(folder.path), lines=False)} writes tables by task, and pictures"
    )

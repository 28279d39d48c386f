"""What `longspan eval` shows without a run: its tasks, and its prompts; and the judge that it asks afterwards."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from longspan.cli.options import with_options
from longspan.cli.report import table_console
from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.origin import ORIGINS
from longspan.evaluation.resume import task_facts
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.evaluation.job import Job
    from longspan.evaluation.judge import Judge
    from longspan.evaluation.work import Target

_WANTED = ("length", "data", "haystack")
"""What tasks may ask for."""


def show_tasks(names: list[str], data: Path | None, *, as_json: bool) -> None:
    """The tasks that the names stand for, or all."""
    chosen = find(names) if names else tasks()
    if as_json:
        typer.echo(json.dumps([task_facts(task, data) for task in chosen], indent=2, ensure_ascii=False))
        return
    columns = ("task", "items", "data from", "find", "use", "metric", "what is asked")
    table = Table(*columns, box=None, pad_edge=False)
    for task in chosen:
        asked = f"{task.description} Unlike the paper: {task.unlike}." if task.unlike else task.description
        table.add_row(
            task.name,
            task.origin_of(data),
            task.source,
            task.diffusion,
            task.scope,
            task.metric,
            asked,
        )
    table_console().print(table)
    for origin, words in ORIGINS.items():
        typer.echo(f"{origin}: {words}")
    typer.echo("find: how hard the needed text is to find; use: how much of the text is needed")


def print_prompts(job: Job, target: Target, count: int, *, as_json: bool) -> None:
    """The first prompts of each task and length, as they are read, with what counts as right."""
    from longspan.evaluation.task import TaskError
    from longspan.evaluation.work import Work
    from longspan.evaluation.works import Works

    works = Works(job, target, None, set())
    found: list[dict[str, Any]] = []
    for task in job.tasks:
        for length in job.lengths_of(task):
            try:
                turns, samples = works.asked(task, length)
                chosen = list(islice(samples, count))
            except TaskError as error:
                said = with_options(str(error), _WANTED)
                typer.echo(f"not asked: {task.name}: {printable(said, lines=False)}", err=True)
                continue
            work = Work(task=task, length=length, samples=tuple(chosen), plans=job.plans, turns=turns)
            found += [
                {
                    "task": task.name,
                    "length": length,
                    "sample": sample.id,
                    "prompt": target.prompt(work, sample, job.asking),
                    "references": list(sample.references),
                }
                for sample in chosen
            ]
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for each in found:
        title = f"{each['task']}, {each['length'] or 'natural length'}, sample {each['sample']}"
        typer.echo(f"=== {printable(title, lines=False)}\n{printable(str(each['prompt']))}")
        typer.echo(f"=== right: {printable(', '.join(each['references']), lines=False)}\n")


def opened_judge(
    url: str | None, model: str, prompt: Path | None, *, parallel: int, timeout: float
) -> Judge | None:
    """The judge that the options name, asked for its name already; None without one."""
    if url is None:
        if model or prompt:
            raise ValueError(
                "--judge-model and --judge-prompt are for a judge; give its address with --judge URL"
            )
        return None
    from longspan.evaluation.endpoint import Endpoint
    from longspan.evaluation.judge import PROMPT, Judge

    server = Endpoint(
        url=url, model=model, tokenizer=None, tokenizer_name="", parallel=parallel, timeout=timeout
    )
    try:
        text = prompt.read_text("utf-8") if prompt else PROMPT
    except (OSError, ValueError) as error:
        raise ValueError(f"--judge-prompt={prompt} cannot be read ({error}); name a text file") from error
    try:
        return Judge(server=server, prompt=text)
    except ValueError as error:
        raise ValueError(f"--judge-{error}") from error

"""`longspan eval`: how good a model is at some tasks under some plans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longspan.cli.counting import counting
from longspan.cli.evaluate_more import opened_judge, print_prompts, show_tasks
from longspan.cli.lengths import read_lengths
from longspan.cli.loaded import WEIGHTS, ModelOption, shown_progress, tell_note
from longspan.cli.options import with_options
from longspan.cli.report import standing_table, table_console
from longspan.cli.variables import TemplateOption, variables_of
from longspan.evaluation.asking import Asking
from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.record import RunFolder
from longspan.evaluation.task import said_origins
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.profiles.effective import keep_effective
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.evaluation.job import Job
    from longspan.evaluation.judge import Judge
    from longspan.evaluation.work import Target

EXAMPLES = """Examples:\n
longspan eval needle/passkey --length 1024 --out results/passkey\n
longspan eval ruler --model qwen.gguf --plan "" --plan "policy=snapkv(budget=1024)" --out results/ruler\n
longspan eval own.jsonl --endpoint http://localhost:8000/v1 --temperature 0.7 --repeats 3 --out results/own\n
longspan eval ruler/vt --few-shot 2 --show-prompts 1\n
longspan eval --rescore results/ruler
"""
_ASKED, _TARGET, _AFTER = "How samples are asked", "What answers", "Kept answers"


def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK...", help="A family such as ruler, a task such as ruler/vt, or a .jsonl file."
        ),
    ] = None,
    model: ModelOption = None,
    plan: Annotated[
        list[str] | None,
        typer.Option(help='A plan to measure, as "slot=method(...) ..." or a .toml file; may be repeated.'),
    ] = None,
    retrieval: Annotated[
        list[int] | None,
        typer.Option(
            help="A baseline to measure beside the plans: only the passages that speak of the question are read, so "
            "many tokens by BM25; may be repeated."
        ),
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option(
            help="A flow of `longspan methods` that answers, under each plan, or direct for the model that reads the "
            "whole prompt; may be repeated."
        ),
    ] = None,
    length: Annotated[str, typer.Option(help="Lengths of generated tasks in tokens, 4096,16384.")] = "4096",
    samples: Annotated[
        int, typer.Option(help="Samples of each task and length; 0 for all of a data set.")
    ] = 20,
    out: Annotated[
        Path | None, typer.Option(help="The folder that the run is kept in; run again to go on with it.")
    ] = None,
    haystack: Annotated[
        Path | None, typer.Option(help="A text, or folder of texts, to hide needles in.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A folder with local copies of data sets.")] = None,
    seed: Annotated[int, typer.Option(help="Samples, and draws of answers, are a function of it.")] = 0,
    question: Annotated[
        str,
        typer.Option(
            help="seen: policies act when the question has been read; unseen: on the context alone.",
            rich_help_panel=_ASKED,
        ),
    ] = "seen",
    too_long: Annotated[
        str,
        typer.Option(
            help="Samples over the window: skip, or cut the context's middle, start or end.",
            rich_help_panel=_ASKED,
        ),
    ] = "skip",
    system: Annotated[str | None, typer.Option(help="The system's words.", rich_help_panel=_ASKED)] = None,
    few_shot: Annotated[
        int, typer.Option(help="Solved examples of the task that come first.", rich_help_panel=_ASKED)
    ] = 0,
    few_shot_as: Annotated[
        str,
        typer.Option(
            help="turns: examples are turns of the dialogue; text: they stand before the context.",
            rich_help_panel=_ASKED,
        ),
    ] = "turns",
    temperature: Annotated[
        float,
        typer.Option(help="0 takes the likeliest token; above, tokens are drawn.", rich_help_panel=_ASKED),
    ] = 0.0,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the fewest tokens with this probability together.", rich_help_panel=_ASKED
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from the k likeliest tokens.", rich_help_panel=_ASKED)
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="Answers to each sample, with a temperature.", rich_help_panel=_ASKED)
    ] = 1,
    stop: Annotated[
        list[str] | None,
        typer.Option(help="A text that ends an answer; may be repeated.", rich_help_panel=_ASKED),
    ] = None,
    thinking: Annotated[
        int,
        typer.Option(
            help="Tokens more for each answer, for reasoning in <think>, which is not scored.",
            rich_help_panel=_ASKED,
        ),
    ] = 0,
    template: TemplateOption = None,
    chunk: Annotated[
        int, typer.Option(help="Tokens that pass through the model at a time.", rich_help_panel=_TARGET)
    ] = 2048,
    batch: Annotated[
        int,
        typer.Option(
            help="Answers generated side by side: more take less time in all, 1 gives each answer's own time.",
            rich_help_panel=_TARGET,
        ),
    ] = 1,
    dtype: Annotated[
        str, typer.Option(help="auto, float32, bfloat16 or float16.", rich_help_panel=_TARGET)
    ] = "auto",
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:1, mps ...", rich_help_panel=_TARGET)
    ] = "auto",
    weights: Annotated[str, typer.Option(help=WEIGHTS, rich_help_panel=_TARGET)] = "auto",
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="Address of an OpenAI-compatible server to ask instead, such as http://host/v1.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="The model whose tokens are counted for an endpoint; by default the embedded one.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    parallel: Annotated[
        int, typer.Option(help="Requests to an endpoint at a time.", rich_help_panel=_TARGET)
    ] = 4,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for an endpoint's answer.", rich_help_panel=_TARGET)
    ] = 600.0,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Spread over a Ray cluster at this address; auto for the one at hand, local for one here.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    rescore: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Score the answers in this folder with today's scorers, asking no model, and end.",
            rich_help_panel=_AFTER,
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An OpenAI-compatible server that judges the answers when they are there; its scores stay apart.",
            rich_help_panel=_AFTER,
        ),
    ] = None,
    judge_model: Annotated[
        str,
        typer.Option(help="The judge; by default the first that the server lists.", rich_help_panel=_AFTER),
    ] = "",
    judge_prompt: Annotated[
        Path | None,
        typer.Option(
            help="A text with {question}, {references} and {answer} that asks for a last line such as [[7]], 0 to 10.",
            rich_help_panel=_AFTER,
        ),
    ] = None,
    show_prompts: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Print the first N prompts of each task and length, and end.",
            rich_help_panel=_AFTER,
        ),
    ] = 0,
    show: Annotated[bool, typer.Option("--list", help="Show the tasks and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure plans on tasks. A run that was stopped goes on where it was."""
    if show:
        show_tasks(names or [], data, as_json=as_json)
        return
    if rescore is not None:
        _rescore(rescore, names or [], as_json)
        return
    if not names or (out is None and not show_prompts):
        raise ValueError("write longspan eval TASK... --out FOLDER; longspan eval --list shows the tasks")
    check_range("--samples", samples, 0)
    check_range("--chunk", chunk, 1)
    check_range("--batch", batch, 1)
    check_range("--show-prompts", show_prompts, 0)
    for budget in retrieval or ():
        check_range("--retrieval", budget, 1)
    if data is not None and not data.is_dir():
        raise ValueError(f"--data={data} is not a folder; name the folder that holds the data sets")

    from longspan.evaluation.job import Job
    from longspan.evaluation.run import check
    from longspan.evaluation.targets import target_of

    job = Job(
        tasks=find(names),
        plans=tuple(dict.fromkeys(Plan.of(each) for each in plan or [""])),
        lengths=read_lengths(length),
        samples=samples or None,
        seed=seed,
        asking=_asking(
            question=question,
            too_long=too_long,
            system=system,
            few_shot=few_shot,
            few_shot_as=few_shot_as,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            repeats=repeats,
            stop=tuple(stop or ()),
            thinking=thinking,
            template=variables_of(template),
        ),
        retrieval=tuple(dict.fromkeys(retrieval or ())),
        flows=_flows(flow),
        haystack=Haystack.open(haystack) if haystack else Haystack.built_in(),
        data=data,
    )
    folder = RunFolder(out) if out is not None and not show_prompts else None
    if folder is not None:
        folder.check_writable()
        check(job, folder)
    judging = opened_judge(judge, judge_model, judge_prompt, parallel=parallel, timeout=timeout)
    with shown_progress() as loading:
        target = target_of(
            model,
            chunk=chunk,
            batch=batch,
            dtype=dtype,
            device=device,
            weights=weights,
            endpoint=endpoint,
            tokenizer=tokenizer,
            parallel=parallel,
            timeout=timeout,
            ray=ray,
            progress=loading,
        )
    tell_note(getattr(getattr(target, "model", None), "note", ""))
    if folder is None:
        print_prompts(job, target, show_prompts, as_json=as_json)
        return
    skipped = _run(job, target, folder)
    if judging is not None:
        _judge(folder, judging)
    _summary(folder, as_json)
    if skipped:
        for name, reason in skipped.items():
            typer.echo(
                f"not asked: {printable(name, lines=False)}: {printable(_named(reason), lines=False)}",
                err=True,
            )
        typer.echo(f"{len(skipped)} of {len(job.tasks)} tasks could not be asked", err=True)
        raise typer.Exit(1)


def _flows(given: list[str] | None) -> tuple[str, ...]:
    from longspan.evaluation.flowing import DIRECT, flow_of

    flows = tuple(dict.fromkeys(given or [DIRECT]))
    for each in flows:
        if each != DIRECT:
            flow_of(each)
    return flows


def _asking(**given: Any) -> Asking:
    """Its mistakes by the names of the options."""
    try:
        return Asking(**given)
    except ValueError as error:
        name, _, rest = str(error).partition("=")
        raise ValueError(f"--{name.replace('_', '-')}={rest}") from error


def _run(job: Job, target: Target, folder: RunFolder) -> Mapping[str, str]:
    from longspan.evaluation.run import RunProgress, run

    with counting("answers") as tell:

        def report(progress: RunProgress) -> None:
            if progress.record is None:
                for line in said_origins(job.tasks, job.data):
                    typer.echo(printable(line, lines=False), err=True)
            tell(progress.processed, progress.total or 0, progress.record.task if progress.record else "")

        return run(job, target, folder, report)


def _named(message: str) -> str:
    return with_options(message, signature(evaluate).parameters)


def _judge(folder: RunFolder, judge: Judge) -> None:
    from longspan.evaluation.judge import judge_answers

    with counting("judgements") as tell:
        judge_answers(folder, judge, lambda one: tell(one.processed, one.total or 0, judge.server.model))


def _rescore(path: Path, names: list[str], as_json: bool) -> None:
    from longspan.evaluation.rescore import rescored

    folder = RunFolder(path)
    typer.echo(rescored(folder, find(names)).line(), err=True)
    _summary(folder, as_json)


def _summary(folder: RunFolder, as_json: bool) -> None:
    """The plans at each length; pictures and tasks are the report's."""
    from longspan.evaluation.report.answers import Answers, faults
    from longspan.evaluation.report.effective import reaches, windows
    from longspan.evaluation.report.front import standings
    from longspan.evaluation.report.table import task_rows

    answers = Answers.of(folder)
    for plan, length in windows(reaches(task_rows(answers))).items():
        keep_effective(folder.description["model"]["digest"], plan, length)
    found = standings(answers)
    for line in faults(list(answers.records.values())):
        typer.echo(printable(line, lines=False), err=True)
    if as_json:
        typer.echo(json.dumps([each.to_dict() for each in found], indent=2, ensure_ascii=False))
        return
    console = table_console()
    for standing in found:
        console.print(standing_table(standing))
    typer.echo(
        f"longspan report {printable(str(folder.path), lines=False)} writes tables by task, and pictures"
    )

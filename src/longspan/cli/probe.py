"""`longspan probe`: what happens inside a model or its answers that a score does not show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from longspan.cli.asked import opened
from longspan.cli.lengths import read_lengths
from longspan.cli.loaded import WeightsOption, loaded_model
from longspan.cli.models import JsonOption
from longspan.cli.variables import TemplateOption, variables_of
from longspan.cli.waiting import Lines
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.progress import Watcher
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.evaluation.endpoint import Endpoint
    from longspan.evaluation.haystack import Haystack
    from longspan.evaluation.probes import PositionBias
    from longspan.evaluation.probes.grounding import Embed

app = typer.Typer(
    no_args_is_help=True, help="Look inside: which heads retrieve, what a plan hides, and more."
)

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", help="A short name, folder, .gguf file or hub id; by default the embedded model."
    ),
]
PlanOption = Annotated[
    str, typer.Option("--plan", help='Methods to use, as "slot=method(...) ..." or a .toml file.')
]
PositionsOption = Annotated[
    str, typer.Option("--plan", help="Positions to read with, such as positions=yarn(factor=4).")
]
HaystackOption = Annotated[
    Path | None,
    typer.Option("--haystack", help="A text, or folder of texts, to hide needles in."),
]

_WIDTH = 50
"""Characters of the longest bar of a chart."""


@app.command("heads")
def show_heads(
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    plan: PositionsOption = "",
    length: Annotated[str, typer.Option(help="Lengths of the prompts in tokens, 1024,2048.")] = "1024,2048",
    depths: Annotated[int, typer.Option(help="At how many depths the needle lies in turn.")] = 5,
    top: Annotated[int, typer.Option(help="Heads to show.")] = 20,
    haystack: HaystackOption = None,
    template: TemplateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which heads retrieve: how often the token that a head looks at most is the one being copied."""
    lengths = read_lengths(length)
    check_range("--depths", depths, 1)
    check_range("--top", top, 1)
    chosen, hay, variables = Plan.of(plan), _haystack(haystack), variables_of(template)

    from longspan.evaluation.probes import retrieval_heads

    loaded = loaded_model(model, weights=weights)
    with _bar("prompts") as progress:
        found = retrieval_heads(
            loaded,
            chosen,
            lengths=lengths,
            depths=[(number + 0.5) / depths for number in range(depths)],
            haystack=hay,
            template=variables,
            progress=progress,
        )
    if as_json:
        _print_json(found.to_dict())
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("layer", "head", "score"):
        table.add_column(title, justify="right")
    table.add_column("")
    for each in found.heads[:top]:
        table.add_row(str(each.layer), str(each.head), f"{each.score:.2f}", _line(each.score, 1))
    Console(highlight=False).print(table)
    typer.echo(
        f"{len(found.retrieving)} of {len(found.heads)} heads score 0.1 or more, in {found.prompts} prompts"
    )


@app.command("recall")
def show_recall(
    plan: PlanOption = "",
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    length: Annotated[int, typer.Option(help="Tokens of the prompt.")] = 2048,
    depth: Annotated[float, typer.Option(help="Where the needle lies, from 0 to 1.")] = 0.5,
    queries: Annotated[int, typer.Option(help="How many of the last queries are looked at.")] = 16,
    haystack: HaystackOption = None,
    template: TemplateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much of the full attention falls on what a plan leaves visible, and how much of a needle is left."""
    chosen, hay, variables = Plan.of(plan), _haystack(haystack), variables_of(template)
    check_range("--queries", queries, 1)

    from longspan.evaluation.probes import NEEDLES, attention_recall, needle_prompt

    loaded = loaded_model(model, weights=weights)
    prompt = needle_prompt(
        loaded.tokenizer, NEEDLES[0], length=length, depth=depth, haystack=hay, template=variables
    )
    with _bar("tokens") as progress:
        found = attention_recall(
            loaded, prompt.ids, chosen, queries=queries, needle=prompt.needle, progress=progress
        )
    if as_json:
        _print_json(found.to_dict())
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("layer", "attention", "worst head", "needle"):
        table.add_column(title, justify="right")
    table.add_column("")
    for layer, mass, needle in zip(found.layers, found.mass, found.needle, strict=True):
        mean = sum(mass) / len(mass)
        seen = sum(needle) / len(needle)
        table.add_row(str(layer), f"{mean:.3f}", f"{min(mass):.3f}", f"{seen:.2f}", _line(mean, 1))
    Console(highlight=False).print(table)
    typer.echo(
        f"{printable(found.plan or 'no plan', lines=False)}: {found.mean:.3f} of the attention and "
        f"{found.mean_needle:.2f} of the needle stay visible, last {found.queries} of {found.tokens:,} tokens"
    )


@app.command("position")
def show_position(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="A folder that longspan eval --out wrote: score by depth. Without: attention by position.",
            show_default=False,
        ),
    ] = None,
    figure: Annotated[str, typer.Option(help="Which figure of the answers in DIR.")] = "score",
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    plan: PositionsOption = "",
    length: Annotated[int, typer.Option(help="Tokens of the random prompts.")] = 1024,
    prompts: Annotated[int, typer.Option(help="How many random prompts.")] = 4,
    bins: Annotated[int, typer.Option(help="Parts of the prompt.")] = 20,
    seed: Annotated[int, typer.Option(help="Prompts are a function of it.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show how position bends the score of a run, or the attention of a model to random tokens."""
    if run is not None:
        _score_by_depth(run, figure, as_json)
        return
    chosen = Plan.of(plan)

    from longspan.evaluation.probes import attention_by_position

    loaded = loaded_model(model, weights=weights)
    with _bar("prompts") as progress:
        found = attention_by_position(
            loaded, chosen, length=length, prompts=prompts, bins=bins, seed=seed, progress=progress
        )
    if as_json:
        _print_json(found.to_dict())
        return
    starts = [-(-number * length // bins) for number in range(bins)]
    _chart("from token", [f"{start:,}" for start in starts], "attention", found.mean)
    typer.echo(f"last {found.queries} of {found.tokens:,} random tokens, {found.prompts} prompts")


@app.command("grounding")
def show_grounding(
    words: Annotated[
        list[str], typer.Argument(metavar="FILE... QUESTION", help="Files that were read, then the question.")
    ],
    answer: Annotated[str, typer.Option(help="The answer to look at; by default the model is asked.")] = "",
    endpoint: Annotated[
        str | None,
        typer.Option(help="An OpenAI-compatible server with an embedding model, such as http://host/v1."),
    ] = None,
    embedding_model: Annotated[
        str, typer.Option(help="Its name there; by default the first that the server lists.")
    ] = "",
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    plan: PlanOption = "",
    template: TemplateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether an answer goes towards the files or stays with the question: its Semantic Grounding Index.

    That takes an embedding model. Without one, the model's own states give the angles, but no judgement.
    """
    *files, question = words
    if not files:
        raise ValueError(
            "no file is given; write longspan probe grounding FILE... QUESTION, with the question in quotation marks"
        )
    chosen, variables = Plan.of(plan), variables_of(template)
    documents = opened(files)

    from longspan.evaluation.probes import embedder, grounding
    from longspan.flows.ask import ask

    server = _embedding_server(endpoint, embedding_model)
    embed: Embed
    if server is not None and answer:
        text, embed = answer, server.embedding
    else:
        loaded = loaded_model(model, weights=weights)
        text = answer or ask(loaded, documents, question, plan=chosen, flow="direct", template=variables).text
        embed = embedder(loaded, chosen) if server is None else server.embedding
    context = "\n\n".join(document.text for document in documents)
    found = grounding(question, context, text, embed)
    if as_json:
        by = server.model if server is not None else None
        _print_json({"answer": text, "embedding_model": by, **found.to_dict()})
        return
    if not answer:
        typer.echo(printable(text) + "\n")
    if server is None:
        typer.echo(
            "not judged: the states of a language model follow the form of a text more than its meaning; name a server "
            "with an embedding model with --endpoint"
        )
    else:
        nearer = "the files" if found.sgi > 1 else "the question"
        typer.echo(f"grounding index {found.sgi:.2f}: the answer is nearer to {nearer}")
    typer.echo(
        f"angles in radians: to the question {found.to_question:.3f}, to the files {found.to_context:.3f}, "
        f"question to files {found.question_to_context:.3f}"
    )


def _embedding_server(url: str | None, model: str) -> Endpoint | None:
    if url is None:
        if model:
            raise ValueError(
                f"--embedding-model={model} is on no server; give its address with --endpoint URL"
            )
        return None
    from longspan.evaluation.endpoint import Endpoint

    return Endpoint(url=url, model=model, tokenizer=None, tokenizer_name="")


def _score_by_depth(folder: Path, figure: str, as_json: bool) -> None:
    from longspan.evaluation.probes import position_bias
    from longspan.evaluation.record import RunFolder

    run = RunFolder(folder)
    run.description  # noqa: B018 (refuses a folder that holds no run)
    found = position_bias(run.records(), figure=figure)
    if as_json:
        _print_json([each.to_dict() for each in found])
        return
    for bias in found:
        _bias(bias)


def _bias(bias: PositionBias) -> None:
    length = f"{bias.length:,} tokens" if bias.length else "natural length"
    title = f"{bias.plan or 'no plan'} · {bias.task}, {length}"
    Console(highlight=False).print(Text(printable(title, lines=False), style="bold"))
    means = [each.mean for each in bias.depths]
    _chart("depth", [f"{each.depth:.2f}" for each in bias.depths], bias.figure, means)
    typer.echo(
        f"fitted: start {_rounded(bias.start)}, middle {_rounded(bias.middle)}, end {_rounded(bias.end)}; "
        f"U-shape {_rounded(bias.u_shape)}, tilt {_rounded(bias.tilt)}\n"
    )


def _chart(title: str, names: Sequence[str], figure: str, values: Sequence[float]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title, justify="right")
    table.add_column(printable(figure, lines=False), justify="right")
    table.add_column("")
    highest = max(values)
    for name, value in zip(names, values, strict=True):
        table.add_row(name, f"{value:.3f}", _line(value, highest))
    Console(highlight=False).print(table)


def _rounded(value: float) -> str:
    """With two places, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def _line(value: float, highest: float) -> str:
    return "█" * round(_WIDTH * value / highest) if value > 0 else ""


def _haystack(path: Path | None) -> Haystack:
    from longspan.evaluation.haystack import Haystack

    return Haystack.open(path) if path else Haystack.built_in()


@contextmanager
def _bar(what: str) -> Iterator[Watcher]:
    """A bar on standard error, gone when the block ends; lines where that is no screen."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = Lines()
        yield lambda one: lines(f"{one.processed:,} of {one.total:,} {what}")
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda one: bars.update(task, completed=one.processed, total=one.total)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))

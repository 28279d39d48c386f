"""`longspan lengths`: how long replies to prompts are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from longspan.cli import drawing
from longspan.cli.asked import note
from longspan.cli.flowing import EndpointOption, ParallelOption, TokenizerOption, served, variables_refused
from longspan.cli.loaded import (
    DeviceOption,
    DtypeOption,
    ModelOption,
    PlanOption,
    WeightsOption,
    loaded_model,
)
from longspan.cli.report import table_console
from longspan.cli.variables import TemplateOption, variables_of
from longspan.errors import ContextError, FlowError
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.flows.chat import Chat
    from longspan.reasoning.lengths import Lengths
    from longspan.running.generation import Generation

_FIELDS = ("prompt", "question", "text")
_SHOWN = 40


def lengths(
    prompts: Annotated[list[str] | None, typer.Argument(help="What is asked, each a prompt.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="A file with a prompt a line, or JSON lines with a field prompt, question or text.",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="Replies that are drawn to each prompt.")] = 10,
    max_new_tokens: Annotated[
        int, typer.Option(help="Longest length; a reply that reaches it counts as at least so long.")
    ] = 1024,
    model: ModelOption = None,
    plan: PlanOption = "",
    temperature: drawing.TemperatureOption = 0.7,
    top_k: drawing.TopKOption = None,
    top_p: drawing.TopPOption = None,
    min_p: drawing.MinPOption = None,
    seed: Annotated[int, typer.Option(help="Of the first reply; those after it have the next ones.")] = 0,
    endpoint: EndpointOption = None,
    tokenizer: TokenizerOption = None,
    parallel: ParallelOption = 4,
    template: TemplateOption = None,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
    weights: WeightsOption = "auto",
    picture: Annotated[
        Path | None, typer.Option(help="Where a picture is drawn, such as lengths.svg or lengths.png.")
    ] = None,
    save: Annotated[bool, typer.Option(help="Keep replies until all is done, to go on after a stop.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON, when done.")] = False,
) -> None:
    """Estimate how long replies are: draws several to each prompt, and shows percentiles of their tokens."""
    check_range("--samples", samples, 1)
    check_range("--max-new-tokens", max_new_tokens, 1)
    asked = _prompts(prompts or [], file)
    if picture is not None and picture.suffix.lower() not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--picture={picture} is no .svg, .png or .pdf; name one")
    variables, chosen = variables_of(template), Plan.of(plan)
    variables_refused(endpoint, {"template": variables})

    from longspan.flows.chat import Local
    from longspan.reasoning.lengths import lengths as drawn_lengths
    from longspan.reasoning.lengths import overall
    from longspan.sampling.settings import Drawing, Sampling

    drawn = Drawing(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
    Sampling(**drawn)
    given = {name: value for name, value in drawn.items() if value is not None}
    generation = cast("Generation", given | {"max_new_tokens": max_new_tokens})
    chat: Chat
    if endpoint is not None:
        chat = served(endpoint, model, tokenizer, plan=chosen, parallel=parallel)
        name = chat.model
    else:
        loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
        name, chat = f"{loaded.name}, {loaded.checked.dtype}", Local(loaded, chosen, template=variables)
    found: dict[str, Lengths] = {}
    with _kept(chat, asked, generation, samples, keep=save) as kept:
        for number, prompt in enumerate(asked, 1):
            made, reasons = drawn_lengths(kept, [{"role": "user", "content": prompt}], samples, generation)
            if reasons:
                note(f"prompt {number:,}: {len(reasons):,} of {samples:,} replies failed: {reasons[0]}")
            if not made.drawn:
                raise FlowError(
                    f"prompt {number:,}: no reply could be had ({reasons[0]}); mend that and run again"
                )
            found[prompt] = made
        if picture is not None:
            _draw(found, max_new_tokens, picture)
        facts = {"model": name, "plan": str(chosen), "samples": samples, "drawn": dict(generation)}
        if as_json:
            each = [{"prompt": prompt} | made.to_dict() for prompt, made in found.items()]
            said = facts | {"prompts": each, "all": overall(found).to_dict()}
            typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        else:
            _show(found, overall(found), name)


def _prompts(words: list[str], file: Path | None) -> list[str]:
    """What is asked, each once."""
    found = list(words)
    if file is not None:
        try:
            lines = file.read_text("utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise ValueError(f"--prompts={file} cannot be read ({error}); name a text file") from error
        for number, line in enumerate(lines, 1):
            if line.strip():
                found.append(_prompt(line, number) if file.suffix == ".jsonl" else line.strip())
    asked = list(dict.fromkeys(each for each in found if each.strip()))
    if not asked:
        raise ValueError('no prompt is given; write longspan lengths "PROMPT", or --prompts FILE')
    return asked


def _prompt(line: str, number: int) -> str:
    try:
        said = json.loads(line)
        return next(str(said[name]) for name in _FIELDS if isinstance(said.get(name), str))
    except (ValueError, AttributeError, StopIteration) as error:
        raise ValueError(
            f"--prompts, line {number}, is no JSON with a text in {', '.join(_FIELDS)}; mend the line"
        ) from error


@contextmanager
def _kept(
    chat: Chat, asked: list[str], generation: Generation, samples: int, *, keep: bool
) -> Iterator[Chat]:
    """The chat with a trace in the cache folder, which goes when all is done."""
    from longspan.cache_folder import subfolder
    from longspan.flows.trace import Trace, Traced

    try:
        identity = chat.identity if keep else None
    except ContextError:
        identity = None
    if identity is None:
        yield chat
        return
    said = json.dumps([identity, asked, sorted(map(repr, generation.items())), samples])
    key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    trace = Trace(subfolder("traces") / f"lengths-{key}.jsonl")
    if trace.count:
        note(f"goes on where it was stopped: {trace.count:,} replies are known")
    try:
        yield Traced(chat, trace)
    except BaseException:
        trace.close()
        raise
    trace.close(remove=True)


def _show(found: dict[str, Lengths], whole: Lengths, name: str) -> None:
    from longspan.reasoning.lengths import PERCENTILES

    columns = ("prompt", "asked", *(f"p{percent}" for percent in PERCENTILES), "cut", "repeats")
    table = Table(*columns, box=None, pad_edge=False)
    for prompt, made in [*found.items(), *([("all", whole)] if len(found) > 1 else [])]:
        line = " ".join(prompt.split())
        shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
        percentiles = [made.percentile(percent) for percent in PERCENTILES]
        table.add_row(
            printable(shown, lines=False),
            f"{made.prompt_tokens:,}",
            *(f"{'≥ ' if cut else ''}{tokens:,}" for tokens, cut in percentiles),
            f"{made.censored:.0%}",
            f"{made.degenerate:.0%}",
        )
    table_console().print(table)
    typer.echo(f"tokens of replies · {name}")


def _draw(found: dict[str, Lengths], longest: int, path: Path) -> None:
    """Each reply a mark in the row of its prompt; those that were cut stand as arrows at the longest length."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.2 + 0.4 * len(found)), layout="constrained")
    axes = figure.subplots()
    for row, made in enumerate(found.values()):
        for cut, repeats, marker in (
            (False, False, "o"),
            (False, True, "x"),
            (True, False, ">"),
            (True, True, "X"),
        ):
            some = [each.tokens for each in made.drawn if (each.cut, each.degenerate) == (cut, repeats)]
            axes.plot(some, [row] * len(some), marker, alpha=0.6, color="tab:red" if repeats else "tab:blue")
    names = [f"{number}: {' '.join(each.split())[:24]}" for number, each in enumerate(found, 1)]
    axes.set_yticks(range(len(found)), [each.replace("$", r"\$") for each in names])
    axes.axvline(longest, color="gray", linestyle=":")
    axes.set_xlim(left=0)
    axes.set_xlabel("tokens of a reply; arrows were cut, red ones repeat themselves")
    axes.invert_yaxis()
    try:
        figure.savefig(path)
    except OSError as error:
        raise ValueError(f"--picture={path} cannot be written ({error}); name another place") from error

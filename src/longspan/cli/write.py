"""`longspan write`: a text of a given length, from sources if there are some."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from longspan import registry
from longspan.cli import drawing
from longspan.cli.answering import Display
from longspan.cli.asked import check_words, note, opened
from longspan.cli.flowing import (
    EndpointOption,
    ParallelOption,
    TokenizerOption,
    kept,
    served,
    variables_refused,
)
from longspan.cli.index import ranking_of
from longspan.cli.loaded import (
    ChunkOption,
    DeviceOption,
    DtypeOption,
    ModelOption,
    PlanOption,
    WeightsOption,
    loaded_model,
)
from longspan.cli.terminal import say
from longspan.cli.variables import TemplateOption, variables_of
from longspan.notation import parse_call
from longspan.parameters import check_choice, check_range
from longspan.parts import build
from longspan.plan import Plan
from longspan.spans import printable

if TYPE_CHECKING:
    from longspan.running.generation import Generation
    from longspan.writing.base import Writing
    from longspan.writing.written import Written


def write(
    task: Annotated[str, typer.Argument(help="What is to be written; - for standard input.")],
    words: Annotated[int, typer.Option(help="Words of the text.")] = 1000,
    sources: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|FOLDER", help="What the text is to rest on; may be repeated."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="A method of the room writing; by default agent-write, with sources surveyx.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    plan: PlanOption = "",
    endpoint: EndpointOption = None,
    tokenizer: TokenizerOption = None,
    parallel: ParallelOption = 4,
    temperature: drawing.TemperatureOption = 0.0,
    seed: drawing.SeedOption = None,
    template: TemplateOption = None,
    chunk: ChunkOption = 2048,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
    weights: WeightsOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the text goes instead of standard output; a folder for methods that make files."
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option(help="Keep finished parts until all is done, to go on after a stop.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON, when done.")] = False,
) -> None:
    """Write a long text part by part, and say for each sentence which place of the sources holds it."""
    wanted = sys.stdin.read() if task == "-" else task
    check_words("task", wanted, "say what is to be written")
    check_range("--words", words, 1)
    check_range("--chunk", chunk, 1)
    variables, chosen = variables_of(template), Plan.of(plan)
    writing = _method(method or ("surveyx" if sources else "agent-write"))
    _check_out(out)

    from longspan.writing.base import Task

    documents = tuple(opened(sources)) if sources else ()
    display = Display(quiet=as_json)
    asked = Task(text=wanted, words=words, sources=documents, ranked=ranking_of(sources or (), display.note))
    writing.check(asked)
    generation: Generation = {}
    if temperature:
        generation = {"temperature": temperature, "seed": seed}
    variables_refused(endpoint, {"template": variables})
    chat: Any
    if endpoint is not None:
        chat = served(endpoint, model, tokenizer, plan=chosen, parallel=parallel)
        name = chat.model
    else:
        from longspan.flows.chat import Local

        loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
        name = f"{loaded.name}, {loaded.checked.dtype}"
        chat = Local(loaded, chosen, chunk=chunk, template=variables, progress=display.progress)
    try:
        _write(chat, writing, asked, generation, display, out, keep=save, name=name, as_json=as_json)
    except BaseException:
        display.stop(finished=False)
        raise


def _write(
    chat: Any,
    writing: Writing,
    task: Any,
    generation: Generation,
    display: Display,
    out: Path | None,
    *,
    keep: bool,
    name: str,
    as_json: bool,
) -> None:
    """Writes and shows the text; what was said on the way is kept until it has been shown."""
    from longspan.flows.base import Events

    events = Events(step=display.note, generation=generation)
    said = f"{task.words}\n{task.text}"
    with kept(chat, writing, task.sources, said, generation, display.note, keep=keep) as asked:
        written = writing.write(asked, task, events)
        display.stop(finished=True)
        if out is not None:
            _put(written, out)
        _show(written, out, name, as_json=as_json)
        sys.stdout.flush()


def _put(written: Written, out: Path) -> None:
    """Writes the text to a file, or its files into a folder."""
    from longspan.atomic import write_text

    if out.is_dir():
        for name, text in (written.files or {"text.md": written.text}).items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, f"{text}\n")
    else:
        write_text(out, f"{written.text}\n")


def _show(written: Written, out: Path | None, name: str, *, as_json: bool) -> None:
    """The text, sentences that no source holds, what else must be known, and the cost."""
    if as_json:
        typer.echo(json.dumps(written.to_dict(), indent=2, ensure_ascii=False))
        return
    if out is None:
        say(printable(written.text))
        typer.echo("")
    lacking = [claim for claim in written.claims if claim.state == "unverified"]
    for claim in lacking:
        say(
            f"  ? “{printable(' '.join(claim.text.split()), lines=False)}” — no source that was shown holds it"
        )
    if written.claims:
        held = len(written.claims) - len(lacking)
        say(f"{held:,} of {len(written.claims):,} sentences rest on the sources")
    for line in written.notes:
        note(line)
    where = f" in {printable(str(out), lines=False)}" if out is not None else ""
    say(f"{written.words:,} words{where} · {written.usage.line()} · {name}")


def _method(text: str) -> Writing:
    """The way to write that a text such as agent-write(tail=900) names."""
    call = parse_call(text)
    check_choice("--method", call.name, tuple(card.name for card in registry.cards("writing")))
    return cast("Writing", build("writing", call))


def _check_out(out: Path | None) -> None:
    """Raises ValueError for a place where nothing can be written, before anything is done."""
    if out is None:
        return
    folder = out if out.is_dir() else out.parent
    if not folder.is_dir():
        raise ValueError(f"--out={out} lies in no folder that is there; make {folder} first")
    if not os.access(folder, os.W_OK) or (out.exists() and not out.is_dir() and not out.is_file()):
        raise ValueError(f"--out={out} cannot be written; name another file")

"""`longspan chat`: a conversation as long as one likes."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from longspan import registry
from longspan.cli import drawing
from longspan.cli.answering import Display
from longspan.cli.asked import note
from longspan.cli.flowing import EndpointOption, TokenizerOption, served
from longspan.cli.lines import lines_of
from longspan.cli.loaded import (
    ChunkOption,
    DeviceOption,
    DtypeOption,
    PlanOption,
    WeightsOption,
    loaded_model,
)
from longspan.cli.talking import Ended, Talking, attached
from longspan.cli.variables import TemplateOption, variables_of
from longspan.errors import LongspanError
from longspan.notation import parse_call
from longspan.parameters import check_choice, check_range
from longspan.parts import build
from longspan.plan import Plan


def chat(
    model: Annotated[
        str | None,
        typer.Option(
            help="A short name, folder, .gguf file or hub id, by default the embedded model; or a server's name for it."
        ),
    ] = None,
    plan: PlanOption = "",
    endpoint: EndpointOption = None,
    tokenizer: TokenizerOption = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="Keep the conversation under this name and go on with it; by default it ends here."
        ),
    ] = None,
    documents: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="FILE", help="Attach a document; may be repeated."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(help="What the model is shown beyond its window: a method of the room conversing."),
    ] = "rounds",
    window: Annotated[
        int | None, typer.Option(help="Tokens that the model is shown at most, by default all it takes.")
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            help="Finds what was said by meaning, too: a method of the room embedder, such as minilm."
        ),
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="What the model is told about its part, in place of a few words.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(help="An answer's longest length in tokens.")] = 512,
    temperature: drawing.TemperatureOption = 0.0,
    top_k: drawing.TopKOption = None,
    top_p: drawing.TopPOption = None,
    min_p: drawing.MinPOption = None,
    seed: drawing.SeedOption = None,
    repetition_penalty: drawing.RepetitionPenaltyOption = 1.0,
    template: TemplateOption = None,
    chunk: ChunkOption = 2048,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
    weights: WeightsOption = "auto",
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help='Each line is words or {"content": ..., "id": ...}, each answer a line of JSON.'
        ),
    ] = False,
) -> None:
    """Talk for as long as you like: what leaves the window stays in a memory. /help shows what else there is."""
    check_range("--max-new-tokens", max_new_tokens, 1)
    check_range("--chunk", chunk, 1)
    if window is not None:
        check_range("--window", window, 1)
    call = parse_call(method)
    check_choice("--method", call.name, tuple(card.name for card in registry.cards("conversing")))
    way = build("conversing", call)
    finds = None if embedder is None else _embedder(embedder)
    chosen, variables = Plan.of(plan), variables_of(template)
    if endpoint is not None and (chosen != Plan() or variables):
        raise ValueError(
            "--endpoint takes neither --plan nor --template; they are for models of this process"
        )

    from longspan.conversing.talk import SYSTEM, Talk
    from longspan.flows.base import Events
    from longspan.memory import Memory, memory_path
    from longspan.running.generation import Generation
    from longspan.sampling.settings import Drawing, Sampling

    asked = Drawing(
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed,
        repetition_penalty=repetition_penalty,
    )  # fmt: skip
    Sampling(**asked)
    generation = Generation(max_new_tokens=max_new_tokens, **asked)  # type: ignore[typeddict-item]
    display = Display(quiet=as_json)
    with ExitStack() as stack:
        if memory is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "memory.sqlite"
        else:
            path = memory_path(memory)
        kept = stack.enter_context(Memory(path, embedder=finds))
        if endpoint is None:
            from longspan.conversing.continuing import Continuing

            loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
            answering: Any = stack.enter_context(
                Continuing(loaded, chosen, chunk=chunk, template=variables, progress=display.progress)
            )
        else:
            answering = served(endpoint, model, tokenizer, plan=chosen)
        talking = Talking(
            talk=Talk(
                chat=answering,
                memory=kept,
                way=way,
                session=kept.session,
                system=SYSTEM if system is None else system,
                window=window,
            ),
            as_json=as_json,
            finish=lambda finished: display.stop(finished=finished),
        )
        talking.talk.events = Events(step=talking.tell, stream=display.stream, generation=generation)
        for line in attached(talking.talk):
            talking.tell(line)
        if documents:
            talking.attach(documents)
        _greet(talking)
        _run(talking, lines_of(sys.stdin, quiet=as_json), display.stop)


def _embedder(text: str) -> Any:
    """The embedder that a text such as minilm names."""
    call = parse_call(text)
    check_choice("--embedder", call.name, tuple(card.name for card in registry.cards("embedder")))
    return build("embedder", call)


def _greet(talking: Talking) -> None:
    """Says where an earlier conversation stands."""
    turns = talking.talk.memory.turns(session=talking.talk.session)
    if turns:
        rounds = sum(each.role == "user" for each in turns)
        talking.tell(f"goes on after {rounds:,} {'round' if rounds == 1 else 'rounds'}")
        if turns[-1].role == "user":
            talking.tell("the last message has no answer; say it again, or go on")


def _run(talking: Talking, lines: Iterator[str], stop: Callable[..., None]) -> None:
    """Takes line after line. On a terminal a line that cannot be taken is told, and the conversation goes on."""
    alive = sys.stdin.isatty()
    for line in lines:
        try:
            talking.take(line)
        except Ended:
            return
        except (LongspanError, ValueError) as error:
            stop(finished=False)
            if not alive:
                raise
            note(str(error))
        except KeyboardInterrupt:
            stop(finished=False)
            if not alive:
                raise
            note("interrupted; what there was of the answer is kept")

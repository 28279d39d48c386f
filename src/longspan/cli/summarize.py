"""`longspan summarize`: what some files say, in so many words."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from longspan.cli import drawing
from longspan.cli.answering import Display
from longspan.cli.asked import opened
from longspan.cli.flowing import (
    EndpointOption,
    ParallelOption,
    TokenizerOption,
    by_flow,
    served,
    variables_refused,
)
from longspan.cli.loaded import (
    ChunkOption,
    DeviceOption,
    DtypeOption,
    ModelOption,
    PlanOption,
    WeightsOption,
    loaded_model,
)
from longspan.cli.variables import TemplateOption, variables_of
from longspan.parameters import check_range
from longspan.plan import Plan

_WORDS = 200


def summarize(
    files: Annotated[list[str], typer.Argument(help="Files and folders to read, - for standard input.")],
    words: Annotated[
        int | None, typer.Option(help=f"Words of the summary; {_WORDS} unless said otherwise.")
    ] = None,
    percent: Annotated[
        float | None, typer.Option(help="Words of the summary as a share of those that the files have.")
    ] = None,
    focus: Annotated[str, typer.Option(help="What the summary is to look at.")] = "",
    chunk_tokens: Annotated[int, typer.Option(help="Tokens that are summarized in one call.")] = 4096,
    model: ModelOption = None,
    plan: PlanOption = "",
    endpoint: EndpointOption = None,
    tokenizer: TokenizerOption = None,
    parallel: ParallelOption = 4,
    temperature: drawing.TemperatureOption = 0.0,
    seed: drawing.SeedOption = None,
    template: TemplateOption = None,
    chunk: ChunkOption = 2048,
    together: Annotated[int, typer.Option(help="Parts that are summarized side by side.")] = 4,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
    weights: WeightsOption = "auto",
    save: Annotated[
        bool, typer.Option(help="Keep summaries of parts until all is done, to go on after a stop.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON, when done.")] = False,
) -> None:
    """Summarize files of any length, and say for each sentence where it comes from."""
    if words is not None and percent is not None:
        raise ValueError("--words and --percent both say how long the summary is; give one of them")
    check_range("--words", 1 if words is None else words, 1)
    check_range("--percent", 1.0 if percent is None else percent, 0.01, 100.0)
    check_range("--chunk", chunk, 1)
    check_range("--chunk-tokens", chunk_tokens, 512)
    check_range("--together", together, 1)
    variables, chosen = variables_of(template), Plan.of(plan)
    documents = opened(files)

    from longspan.flows.recursive_summary import RecursiveSummary, count_words
    from longspan.running.generation import Generation

    if percent is not None:
        words = max(1, round(percent / 100 * sum(count_words(each.text) for each in documents)))
    flow = RecursiveSummary(words=words or _WORDS, chunk=chunk_tokens)
    generation: Generation = {}
    if temperature:
        generation = {"temperature": temperature, "seed": seed}
    variables_refused(endpoint, {"template": variables})
    display = Display(quiet=as_json)
    chat: Any
    if endpoint is not None:
        chat = served(endpoint, model, tokenizer, plan=chosen, parallel=parallel)
        name = chat.model
    else:
        from longspan.flows.chat import Local

        loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
        name = f"{loaded.name}, {loaded.checked.dtype}"
        chat = Local(
            loaded, chosen, chunk=chunk, template=variables, progress=display.progress, together=together
        )
    try:
        by_flow(chat, flow, documents, focus, generation, display, keep=save, name=name, as_json=as_json)
    except BaseException:
        display.stop(finished=False)
        raise

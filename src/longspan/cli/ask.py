"""`longspan ask`: one question about some files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longspan import registry
from longspan.cli import drawing, forming
from longspan.cli.answering import Display, quoted
from longspan.cli.asked import note, opened, split
from longspan.cli.loaded import WeightsOption, loaded_model
from longspan.cli.sizes import read_bytes
from longspan.cli.terminal import say
from longspan.cli.variables import TemplateOption, variables_of
from longspan.notation import parse_call
from longspan.parameters import check_choice, check_range
from longspan.parts import build
from longspan.plan import Plan

if TYPE_CHECKING:
    from longspan.spans import Answer

FLOWS = ("auto", "direct", "passages")


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE... QUESTION",
            help="Files, folders or patterns such as 'notes/**/*.md' to read, - for standard input, then the question; "
            "put -- before one that begins with a dash.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A short name, folder, .gguf file or hub id; by default the embedded model."),
    ] = None,
    plan: Annotated[
        str, typer.Option(help='Methods to use, as "slot=method(...) ..." or a .toml file.')
    ] = "",
    flow: Annotated[
        str,
        typer.Option(
            help="auto: whole if it fits the window, else passages; direct; passages; or a flow of `longspan methods`."
        ),
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="The answer's longest length in tokens.")] = 256,
    temperature: drawing.TemperatureOption = 0.0,
    top_k: drawing.TopKOption = None,
    top_p: drawing.TopPOption = None,
    min_p: drawing.MinPOption = None,
    seed: drawing.SeedOption = None,
    repetition_penalty: drawing.RepetitionPenaltyOption = 1.0,
    repetition_window: drawing.RepetitionWindowOption = None,
    presence_penalty: drawing.PresencePenaltyOption = 0.0,
    frequency_penalty: drawing.FrequencyPenaltyOption = 0.0,
    logit_bias: drawing.LogitBiasOption = None,
    min_tokens: drawing.MinTokensOption = 0,
    logprobs: drawing.LogprobsOption = None,
    json_schema: forming.JsonSchemaOption = None,
    regex: forming.RegexOption = None,
    choice: forming.ChoiceOption = None,
    grammar: forming.GrammarOption = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="Text at which the answer ends; may be repeated.")
    ] = None,
    template: TemplateOption = None,
    chunk: Annotated[int, typer.Option(help="Tokens that pass through the model at a time.")] = 2048,
    dtype: Annotated[str, typer.Option(help="Number format: auto, float32, bfloat16 or float16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    weights: WeightsOption = "auto",
    save: Annotated[
        bool, typer.Option(help="Keep what was read for further questions, and use what was kept.")
    ] = True,
    max_bytes: Annotated[
        str, typer.Option(help="What kept contexts may take in all; those not used for longest go.")
    ] = "8GiB",
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON, when done.")] = False,
) -> None:
    """Answer a question about files, with quotes that are checked against them."""
    files, question = split(words)
    named = None if flow in FLOWS else _flow(flow)
    check_range("--max-new-tokens", max_new_tokens, 1)
    check_range("--chunk", chunk, 1)
    if stop and not all(stop):
        raise ValueError("--stop is empty, which is at the beginning of every answer; give it some text")
    variables = variables_of(template)
    keep = read_bytes("--max-bytes", max_bytes) if save else 0
    chosen = Plan.of(plan)
    documents = opened(files)

    from longspan.flows.ask import ask as answer_question
    from longspan.running.generation import Generation
    from longspan.sampling.settings import Drawing, Sampling

    asked = Drawing(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
        repetition_penalty=repetition_penalty,
        repetition_window=repetition_window,
        presence_penalty=presence_penalty,
        frequency_penalty=frequency_penalty,
        min_tokens=min_tokens,
        logprobs=logprobs,
    )
    Sampling(**asked)  # refuses what it cannot take before anything is loaded
    drawing.check_biases(logit_bias)
    form = forming.form_of(json_schema, regex, choice, grammar)
    loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
    asked["logit_bias"] = drawing.biases_of(logit_bias, loaded.tokenizer)
    generation = Generation(max_new_tokens=max_new_tokens, stop=stop or (), form=form, **asked)  # type: ignore[typeddict-item]
    display = Display(quiet=as_json)

    def answered(answer: Answer) -> None:
        display.stop(finished=True)
        if as_json:
            typer.echo(json.dumps(answer.to_dict(), indent=2, ensure_ascii=False))
            return
        typer.echo("\n")
        if not answer.complete:
            note("the answer ends before it is of the form that was asked for; raise --max-new-tokens")
        for citation in answer.citations:
            say(quoted(citation))
        say(f"{answer.usage.line()} · {loaded.name}, {loaded.checked.dtype}")

    try:
        if named is not None:
            from longspan.flows.base import Events
            from longspan.flows.chat import Local

            chat = Local(loaded, chosen, chunk=chunk, template=variables, progress=display.progress)
            events = Events(step=display.note, stream=display.stream, generation=generation)
            answered(named.answer(chat, documents, question, events))
            return
        answer_question(
            loaded,
            documents,
            question,
            plan=chosen,
            flow=flow,  # type: ignore[arg-type]
            chunk=chunk,
            decided=display.decided,
            progress=display.progress,
            stream=display.stream,
            answered=answered,
            keep=keep,
            note=display.note,
            generation=generation,
            template=variables,
        )
    except BaseException:
        display.stop(finished=False)
        raise


def _flow(text: str) -> Any:
    """The flow that a text such as best-passages(tokens=2000) names."""
    call = parse_call(text)
    check_choice("--flow", call.name, (*FLOWS, *(card.name for card in registry.cards("flow"))))
    return build("flow", call)

"""`longspan ask`: one question about some files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from longspan import registry
from longspan.cli import drawing, forming
from longspan.cli.answering import Display
from longspan.cli.asked import opened, split
from longspan.cli.compress import CompressOption, RateOption, compressor_option, shortened
from longspan.cli.flowing import (
    EndpointOption,
    ParallelOption,
    TokenizerOption,
    by_flow,
    served,
    show,
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
from longspan.cli.sizes import read_bytes
from longspan.cli.teaching import DemonstrationsOption, LessonOption, SelectOption, taught_of
from longspan.cli.variables import TemplateOption, variables_of
from longspan.notation import parse_call
from longspan.parameters import check_choice, check_range
from longspan.parts import build
from longspan.plan import Plan

if TYPE_CHECKING:
    from longspan.flows.base import Flow
    from longspan.model import Model
    from longspan.running.generation import Generation
    from longspan.sampling.settings import Drawing
    from longspan.spans import Answer, Document

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
    model: ModelOption = None,
    plan: PlanOption = "",
    flow: Annotated[
        str,
        typer.Option(
            help="auto: by question, length and window, and why is said; direct; passages; a flow of longspan methods."
        ),
    ] = "auto",
    compress: CompressOption = None,
    rate: RateOption = None,
    reason: Annotated[
        str,
        typer.Option(
            help="How it is thought about first, such as short-m-at-k(m=1,k=5): a reasoner of longspan methods. Files "
            "may then be left out."
        ),
    ] = "",
    demonstrations: DemonstrationsOption = None,
    select: SelectOption = None,
    lesson: LessonOption = None,
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
    endpoint: EndpointOption = None,
    tokenizer: TokenizerOption = None,
    parallel: ParallelOption = 4,
    stop: Annotated[
        list[str] | None, typer.Option(help="Text at which the answer ends; may be repeated.")
    ] = None,
    template: TemplateOption = None,
    chunk: ChunkOption = 2048,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
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
    taught = taught_of(demonstrations, select, lesson, flow)
    files, question = split(words, alone=bool(reason) or taught is not None)
    if reason and (flow != "auto" or taught is not None):
        raise ValueError(
            f"--reason and {'--flow' if taught is None else '--demonstrations or --lesson'} both say how the question "
            "is answered; give one of them"
        )
    named = taught or (None if flow in FLOWS else _flow(flow))
    wanted = compressor_option(compress, rate)
    if reason:
        from longspan.reasoning.asking import Reasoned, reasoner_of

        named = Reasoned(by=reasoner_of(reason))
    check_range("--max-new-tokens", max_new_tokens, 1)
    check_range("--chunk", chunk, 1)
    if stop and not all(stop):
        raise ValueError("--stop is empty, which is at the beginning of every answer; give it some text")
    variables = variables_of(template)
    keep = read_bytes("--max-bytes", max_bytes) if save else 0
    chosen = Plan.of(plan)
    documents = opened(files)

    from longspan.flows.ask import ask as answer_question
    from longspan.flows.chat import Local
    from longspan.flows.passages import by_words
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
    variables_refused(endpoint, {"template": variables, "logit-bias": logit_bias})
    display = Display(quiet=as_json)
    if endpoint is not None:
        server = served(endpoint, model, tokenizer, plan=chosen, parallel=parallel)
        generation = _said(asked, stop=stop, form=form, max_new_tokens=max_new_tokens)
        answering = named or _flow("best-passages")
        with _ended(display):
            documents, traced = shortened(server, wanted, documents, question, display.note)
            by_flow(
                server,
                answering,
                documents,
                question,
                generation,
                display,
                keep=save,
                name=server.model,
                as_json=as_json,
                traced=traced,
            )
        return
    loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
    asked["logit_bias"] = drawing.biases_of(logit_bias, loaded.tokenizer)
    generation = Generation(max_new_tokens=max_new_tokens, stop=stop or (), form=form, **asked)  # type: ignore[typeddict-item]
    name = f"{loaded.name}, {loaded.checked.dtype}"
    chat = Local(loaded, chosen, chunk=chunk, template=variables, progress=display.progress)
    documents, traced = shortened(chat, wanted, documents, question, display.note)
    if flow == "auto" and named is None:
        flow, named = _auto(loaded, chosen, documents, question, max_new_tokens, display)
    with _ended(display):
        if named is not None:
            by_flow(
                chat,
                named,
                documents,
                question,
                generation,
                display,
                keep=save,
                name=name,
                as_json=as_json,
                traced=traced,
            )
            return

        def answered(answer: Answer) -> None:
            display.stop(finished=True)
            show(traced(answer), name, as_json=as_json, claims=False)

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
            ranked=by_words if wanted else ranking_of(files, display.note),
        )


@contextmanager
def _ended(display: Display) -> Iterator[None]:
    """Takes the bar away whatever happens."""
    try:
        yield
    except BaseException:
        display.stop(finished=False)
        raise
    display.stop(finished=True)


def _said(asked: Drawing, **more: Any) -> Generation:
    """What is asked of a server: what was said, and nothing that is as it always is."""
    plain = {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "min_tokens": 0}
    given = {**asked, **more}
    said = {name: value for name, value in given.items() if value and value != plain.get(name)}
    return cast("Generation", said)


def _auto(
    model: Model, plan: Plan, documents: list[Document], question: str, reply: int, display: Display
) -> tuple[str, Flow | None]:
    """The flow that suits: a name of `flows.ask`, or one of the registry."""
    from longspan.flows.auto import chosen_flow
    from longspan.profiles.effective import effective_window

    choice = chosen_flow(
        question,
        tokens=sum(model.count(each.text) for each in documents),
        reply=reply,
        window=plan.positions.window(model.window) if plan.positions else model.window,
        effective=effective_window(model.digest, str(plan)),
    )
    if choice.flow == "direct":
        return "auto", None
    if choice.flow in FLOWS:  # what is read of how much is said in a moment
        return choice.flow, None
    display.note(choice.reason)
    return choice.flow, _flow(choice.flow)


def _flow(text: str) -> Flow:
    """The flow that a text such as best-passages(tokens=2000) names."""
    call = parse_call(text)
    check_choice("--flow", call.name, (*FLOWS, *(card.name for card in registry.cards("flow"))))
    return cast("Flow", build("flow", call))

"""`longspan compress`: files with only a share of their tokens."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longspan.atomic import write_text
from longspan.cli.asked import note, opened
from longspan.cli.loaded import (
    DeviceOption,
    DtypeOption,
    WeightsOption,
    loaded_model,
    shown_progress,
    tell_note,
)
from longspan.plan import Plan
from longspan.spans import Answer, Document, printable

if TYPE_CHECKING:
    from longspan.compressing.base import Compressor
    from longspan.flows.chat import Chat

RateOption = Annotated[
    float | None,
    typer.Option(help="The share of the documents' tokens that --compress keeps, 0.5 unless given."),
]
CompressOption = Annotated[
    str | None,
    typer.Option(
        help="Make the documents shorter first: a compressor of longspan methods, such as extractive."
    ),
]


def compress(
    files: Annotated[list[str], typer.Argument(help="Files and folders to read, - for standard input.")],
    rate: Annotated[
        float, typer.Option(help="The share of all tokens that stays, above 0 and up to 1.")
    ] = 0.5,
    method: Annotated[
        str, typer.Option(help="What decides what stays: a compressor of longspan methods.")
    ] = "extractive",
    question: Annotated[str, typer.Option(help="What the text will be read for.")] = "",
    model: Annotated[
        str | None,
        typer.Option(help="Whose tokens count, and who is looked into; by default the embedded model."),
    ] = None,
    plan: Annotated[
        str, typer.Option(help="positions=... for methods that look into a model beyond its window.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="A file to write instead of standard output.")] = None,
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
    weights: WeightsOption = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON: the text, and each part that stays with its offsets.")
    ] = False,
) -> None:
    """Make files shorter: the parts that matter most stay, word for word and in their order."""
    from longspan.compressing.compress import check_needs, check_rate, compressor_of
    from longspan.compressing.compress import compress as shorten

    check_rate(rate)
    chosen, compressor = Plan.of(plan), compressor_of(method)
    check_needs(compressor, question, has_model=True)
    if out is not None and out.is_dir():
        raise ValueError(f"out={out} is a folder; give the name of a file")
    looked_into = compressor.looks or asks_model(compressor)
    if not looked_into and chosen != Plan():
        raise ValueError(f"--plan is for methods that look into a model, and {method} does not; leave it out")
    documents = opened(files)
    if looked_into:
        from longspan.flows.chat import Local
        from longspan.flows.compressed import shorter

        loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
        name = loaded.name
        held = shorter(Local(loaded, chosen), compressor, documents, rate, question)
    else:
        name, count = _counting(model)
        held = shorten(documents, rate, by=compressor, question=question, count=count)
    text = (
        json.dumps(held.to_dict() | {"model": name}, indent=2, ensure_ascii=False) if as_json else held.text
    )
    _give(text, out, as_json=as_json)
    note(f"{held.describe()}, counted as {name} does")


def asks_model(compressor: Compressor) -> bool:
    """Whether a part of a compressor asks a model, though the compressor itself looks into none."""
    from longspan.parts import inner
    from longspan.retrieval.rerankers.base import Reranker
    from longspan.retrieval.retrievers.base import Retriever

    return any(
        isinstance(each, Reranker) or (isinstance(each, Retriever) and each.asks)
        for each in inner(compressor)
    )


def compressor_option(text: str | None, rate: float | None) -> tuple[Compressor, float] | None:
    """What --compress and --rate say together, None where nothing is to be made shorter."""
    from longspan.compressing.compress import check_rate, compressor_of

    if text is None:
        if rate is not None:
            raise ValueError("--rate says how much --compress keeps; add --compress METHOD, or leave it out")
        return None
    share = 0.5 if rate is None else rate
    check_rate(share)
    return compressor_of(text), share


def shortened(
    chat: Chat,
    wanted: tuple[Compressor, float] | None,
    documents: list[Document],
    question: str,
    tell: Callable[[str], None],
) -> tuple[list[Document], Callable[[Answer], Answer]]:
    """The documents of a question made shorter, if that is wanted, and what leads an answer back to the whole ones."""
    if wanted is None:
        return documents, lambda answer: answer

    from longspan.flows.compressed import shorter

    compressor, rate = wanted
    held = shorter(chat, compressor, documents, rate, question)
    tell(held.describe())
    return held.documents, partial(held.traced, question=question)


def _counting(model: str | None) -> tuple[str, Callable[[str], int]]:
    """The name of a model and its count of tokens; its network is looked at no further."""
    from longspan.loading import load_weights
    from longspan.spans import count_tokens

    with shown_progress() as progress:
        loaded = load_weights(model, progress=progress)
    tell_note(loaded.note)
    return loaded.name, lambda text: count_tokens(loaded.tokenizer, text)


def _give(text: str, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        try:
            write_text(out, text if text.endswith("\n") else f"{text}\n")
        except OSError as error:
            raise OSError(error.errno or errno.EIO, error.strerror, str(out)) from error
    else:
        typer.echo(printable(text) if sys.stdout.isatty() and not as_json else text)

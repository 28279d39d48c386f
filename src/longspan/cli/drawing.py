"""The options of the command that say how an answer is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_BIAS = 100.0

TemperatureOption = Annotated[
    float, typer.Option(help="0 takes the likeliest token, more draws more freely.")
]
TopKOption = Annotated[int | None, typer.Option(help="Draw from the k likeliest tokens.")]
TopPOption = Annotated[
    float | None, typer.Option(help="Draw from the fewest tokens that together have probability p.")
]
MinPOption = Annotated[
    float | None, typer.Option(help="Draw from tokens at least so likely, of the likeliest one.")
]
SeedOption = Annotated[int | None, typer.Option(help="The same draws every time.")]
RepetitionPenaltyOption = Annotated[
    float, typer.Option(help="Tokens that stand in the text already become less likely; 1 is none.")
]
RepetitionWindowOption = Annotated[int | None, typer.Option(help="Only those among the last so many tokens.")]
PresencePenaltyOption = Annotated[
    float, typer.Option(help="Taken off the logits of tokens of the answer, -2 .. 2.")
]
FrequencyPenaltyOption = Annotated[float, typer.Option(help="The same for each time that they stand there.")]
LogitBiasOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOKEN=VALUE",
        help="Added to the logit of a token, named by number or text, -100 .. 100, -inf to ban it; may be repeated.",
    ),
]
MinTokensOption = Annotated[int, typer.Option(help="The answer does not end before so many tokens.")]
LogprobsOption = Annotated[
    int | None,
    typer.Option(help="With --json: ln p of each token and of so many likeliest ones, 0 .. 20."),
]


def check_biases(pairs: Sequence[str] | None) -> None:
    """Raises ValueError for what is no TOKEN=VALUE, before a model is loaded."""
    for pair in pairs or ():
        _split(pair)


def biases_of(pairs: Sequence[str] | None, tokenizer: PreTrainedTokenizerFast) -> dict[int, float]:
    """The values of TOKEN=VALUE by token. A text stands for the tokens that are just it, blanks included."""
    from longspan.spans.pieces import pieces_of

    found: dict[int, float] = {}
    for pair in pairs or ():
        text, value = _split(pair)
        tokens = [int(text)] if text.isdecimal() else pieces_of(tokenizer).of(text)
        if not tokens:
            raise ValueError(
                f"--logit-bias has {text!r}, which is no single token of this model; name others, blanks included"
            )
        found |= dict.fromkeys(tokens, value)
    return found


def _split(pair: str) -> tuple[str, float]:
    text, equals, number = pair.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not equals or not text or not (abs(value) <= _BIAS or value == -math.inf):
        raise ValueError(
            f"--logit-bias={pair!r} is no TOKEN=VALUE with a value of -100 .. 100 or -inf; write for example 42=-5"
        )
    return text, value

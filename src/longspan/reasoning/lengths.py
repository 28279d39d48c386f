"""How long replies to a prompt are: several are drawn, and those that were cut count as at least so long."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from longspan.flows.chains import chains
from longspan.flows.chat import Chat, Message, Reply
from longspan.parameters import check_whole
from longspan.running.generation import Generation

PERCENTILES = (10, 25, 50, 75, 90, 99)
_TAIL = 256
_GRAM = 4
_DISTINCT = 0.3
_PERIOD = 64
_TIMES = 4
_PIECES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class Length:
    """Of one reply. tokens: reasoning included. cut: whether it would have gone on. degenerate: whether it ends in
    repeating itself."""

    tokens: int
    cut: bool
    degenerate: bool


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Of several replies to one prompt, and how many could not be had."""

    prompt_tokens: int
    drawn: tuple[Length, ...]
    failed: int = 0

    @property
    def censored(self) -> float:
        """The share that was cut."""
        return sum(each.cut for each in self.drawn) / len(self.drawn) if self.drawn else 0.0

    @property
    def degenerate(self) -> float:
        """The share that ends in repeating itself."""
        return sum(each.degenerate for each in self.drawn) / len(self.drawn) if self.drawn else 0.0

    def percentile(self, percent: int) -> tuple[int, bool]:
        """The length that so many percent of the replies do not exceed, by nearest rank, and whether it is only known
        to be at least that, since the reply of this rank was cut."""
        order = sorted(self.drawn, key=lambda each: (each.cut, each.tokens))
        found = order[max(0, math.ceil(percent / 100 * len(order)) - 1)]
        return found.tokens, found.cut

    def to_dict(self) -> dict[str, Any]:
        """All of it. Mean and spread are of replies that ended alone, since of the others only a bound is known."""
        ended = [each.tokens for each in self.drawn if not each.cut]
        tokens = [each.tokens for each in self.drawn]
        return {
            "prompt_tokens": self.prompt_tokens,
            "tokens": tokens,
            "cut": [each.cut for each in self.drawn],
            "degenerate": [each.degenerate for each in self.drawn],
            "failed": self.failed,
            "shortest": min(tokens, default=None),
            "longest": max(tokens, default=None),
            "censored_share": self.censored,
            "degenerate_share": self.degenerate,
            "mean_of_ended": fmean(ended) if ended else None,
            "deviation_of_ended": stdev(ended) if len(ended) > 1 else None,
            "percentiles": {
                str(percent): {"tokens": found, "at_least": cut}
                for percent in PERCENTILES
                if self.drawn
                for found, cut in [self.percentile(percent)]
            },
        }


def lengths(
    chat: Chat, messages: Sequence[Message], count: int, generation: Generation
) -> tuple[Lengths, tuple[str, ...]]:
    """The lengths of replies drawn side by side, in the manner of CASTILLO (https://arxiv.org/abs/2505.16881), and why
    some could not be had. generation: how they are drawn, and their longest length; its seed is that of the first."""
    check_whole("samples", count, 1)
    first = generation.get("seed") or 0
    found = chains(chat, messages, [first + number for number in range(count)], **generation).replies
    replies = [each for each in found if isinstance(each, Reply)]
    made = Lengths(
        prompt_tokens=max((each.usage.prompt_tokens for each in replies), default=0),
        drawn=tuple(
            Length(
                tokens=each.usage.generated_tokens,
                cut=each.cut,
                degenerate=repeats(f"{each.reasoning}\n{each.text}"),
            )
            for each in replies
        ),
        failed=len(found) - len(replies),
    )
    return made, tuple(each.reason for each in found if not isinstance(each, Reply))


def repeats(text: str) -> bool:
    """Whether a text ends in repeating itself.

    Of its last 256 words and signs, fewer than 30 % of the runs of four are different, or the last of them are some 64
    or fewer that come four times in a row and are more than a sign. Words stand for tokens, which a server does not
    tell.
    """
    pieces = _PIECES.findall(text.casefold())[-_TAIL:]
    runs = [tuple(pieces[at : at + _GRAM]) for at in range(len(pieces) - _GRAM + 1)]
    if len(runs) >= _PERIOD and len(set(runs)) < _DISTINCT * len(runs):
        return True
    for period in range(1, min(_PERIOD, len(pieces) // _TIMES) + 1):
        last = pieces[-period:]
        worded = any(map(str.isalpha, "".join(last))) or period * _TIMES >= _PERIOD
        if worded and pieces[-period * _TIMES :] == last * _TIMES:
            return True
    return False


def overall(found: Mapping[str, Lengths]) -> Lengths:
    """The replies to all prompts together."""
    return Lengths(
        prompt_tokens=sum(each.prompt_tokens for each in found.values()),
        drawn=tuple(length for each in found.values() for length in each.drawn),
        failed=sum(each.failed for each in found.values()),
    )

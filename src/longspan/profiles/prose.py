"""Text to measure a model with: sentences that never repeat, and passkeys to be found again among them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longspan.conversation import begin_ids
from longspan.errors import UnsupportedModel
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_DAYS = (
    "On Monday",
    "One morning",
    "Late in May",
    "After the storm",
    "Before noon",
    "Last winter",
    "At dusk",
)
_WHO = (
    "the baker",
    "an old sailor",
    "her cousin",
    "the new teacher",
    "a tired clerk",
    "the gardener",
    "our judge",
)
_DID = ("carried", "mended", "forgot", "painted", "sold", "borrowed", "counted", "hid", "described", "washed")
_WHAT = (
    "three lamps",
    "a blue cart",
    "the torn map",
    "some apples",
    "a wooden chair",
    "two clocks",
    "the letters",
)
_WHERE = (
    "near the mill",
    "by the canal",
    "in the attic",
    "behind the school",
    "at the harbour",
    "on the hill",
)
_WHY = (
    "because nobody else was awake",
    "and told the neighbours about it",
    "although the road was closed",
    "while it rained without end",
    "as had been agreed in spring",
    "without asking for money",
)
_PLACES = ("cellar", "tower", "garden", "library", "stable", "chapel", "bridge", "kitchen")
_WORDS = (
    *("copper", "violin", "meadow", "ticket", "marble", "falcon", "ginger", "anchor", "velvet", "island"),
    *("hammer", "pepper", "window", "rocket", "silver", "turtle", "basket", "candle", "dragon", "forest"),
)


@dataclass(frozen=True, kw_only=True)
class Recital:
    """Token ids of a text with hidden passkeys that are recited at its end.

    keys: positions of each hidden passkey. asking: for each the positions, as many, from which its tokens are
    predicted when it is recited.
    """

    ids: list[int]
    keys: list[range]
    asking: list[range]


def prose(tokenizer: PreTrainedTokenizerFast, count: int) -> list[int]:
    """`count` tokens of sentences, no two alike, the last one cut."""
    ids: list[int] = []
    for sentence in sentences():
        if len(ids) >= count:
            break
        ids += tokenize(tokenizer, sentence, plain=True).ids
    return ids[:count]


def recital(tokenizer: PreTrainedTokenizerFast, length: int) -> Recital:
    """A text of `length` tokens, with as many of eight passkeys as half of it holds twice.

    They lie evenly spread over the first three quarters of the prose. Raises UnsupportedModel where not one fits.
    """
    begin, call = begin_ids(tokenizer), tokenize(tokenizer, "\n\nNow recite every passkey:", plain=True).ids
    pairs = [
        (
            tokenize(tokenizer, f"\nThe passkey of the {place} is", plain=True).ids,
            tokenize(tokenizer, f" {words}.\n", plain=True).ids,
        )
        for place, words in facts()
    ]
    while pairs and 2 * _size(pairs) > length // 2:
        pairs.pop()
    filler = prose(tokenizer, length - len(begin) - len(call) - 2 * _size(pairs))
    if not pairs or len(filler) < 4 * len(pairs):
        raise UnsupportedModel(
            f"{length} tokens are too few to hide a passkey in, which tells retrieval heads from others; "
            "use an allocator that needs no profile of the model"
        )
    ids, keys, asking = list(begin), [], []
    cuts = [3 * len(filler) * (2 * number + 1) // (8 * len(pairs)) for number in range(len(pairs))]
    for start, stop, (name, key) in zip([0, *cuts], cuts, pairs, strict=False):
        ids += filler[start:stop] + name
        keys.append(range(len(ids), len(ids) + len(key)))
        ids += key
    ids += filler[cuts[-1] :] + call
    for name, key in pairs:
        ids += name
        asking.append(range(len(ids) - 1, len(ids) - 1 + len(key)))
        ids += key
    return Recital(ids=ids, keys=keys, asking=asking)


def _size(pairs: list[tuple[list[int], list[int]]]) -> int:
    return sum(len(name) + len(key) for name, key in pairs)


def facts() -> Iterator[tuple[str, str]]:
    """Places, each with the words of its passkey."""
    return zip(_PLACES, _passkeys(), strict=True)


def sentences() -> Iterator[str]:
    """Sentences without end, no two alike, each behind a blank."""
    chance = random.Random(0)  # noqa: S311
    said: set[str] = set()
    while True:
        parts = [chance.choice(some) for some in (_DAYS, _WHO, _DID, _WHAT, _WHERE, _WHY)]
        sentence = f" {' '.join(parts)}."
        if sentence not in said:
            said.add(sentence)
            yield sentence


def _passkeys() -> list[str]:
    chance = random.Random(1)  # noqa: S311
    return [" ".join(chance.sample(_WORDS, 4)) for _ in _PLACES]

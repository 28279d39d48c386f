"""The distance that index methods give to each pair of tokens, as their formulas say it."""

from collections.abc import Callable

import torch

PAIRS = 8
WINDOW = 32
UNSEEN = -1

Shown = Callable[[int, int], int | list[int]]
"""The distance, or one for each pair of channels, that key j has for query i ≥ j; UNSEEN where it is not seen."""


def rerope(width: int) -> Shown:
    return lambda i, j: min(i - j, width)


def lm_infinite(starting: int, local: int) -> Shown:
    return lambda i, j: i - j if i - j < local else local if j < starting else UNSEEN


def string(shift: int, local: int) -> Shown:
    return lambda i, j: i - j if i - j < shift else i - j - shift + local


def dpe(scales: tuple[int, ...], neighbour: int) -> Shown:
    def shown(i: int, j: int) -> list[int]:
        own = [scales[pair * len(scales) // PAIRS] for pair in range(PAIRS)]
        if i - j < neighbour:
            return [i - j] * PAIRS
        return [i // scale + neighbour - neighbour // scale - j // scale for scale in own]

    return shown


def by_formula(shown: Shown, start: int, count: int) -> torch.Tensor:
    """`[count, start + count, PAIRS]`, UNSEEN where a key is not seen."""

    def row(i: int) -> list[list[int]]:
        distances = [shown(i, j) if j <= i else UNSEEN for j in range(start + count)]
        return [each if isinstance(each, list) else [each] * PAIRS for each in distances]

    return torch.tensor([row(i) for i in range(start, start + count)])

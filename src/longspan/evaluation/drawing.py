"""Which samples of a data set are asked when not all are: drawn by the seed, and spread over its texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random


def drawn(clusters: Sequence[str], count: int, seed: str) -> list[int]:
    """The first `count` numbers of `drawing_order` in rising order, all where there are no more."""
    return sorted(drawing_order(clusters, seed)[:count])


def drawing_order(clusters: Sequence[str], seed: str) -> list[int]:
    """The numbers of all samples in the order in which they are drawn; clusters: the text of each.

    Each sample is as likely to be among the first as any other, so that their mean is that of the data set, and each
    text gives its share: of as many samples as texts of equal size, each has one.
    """
    random = Random(seed)  # noqa: S311
    texts: dict[str, list[int]] = defaultdict(list)
    for number, cluster in enumerate(clusters):
        texts[cluster].append(number)
    # Systematic sampling: those of a text stand at equal steps from 0 to 1, and the lowest of all texts are taken.
    turns = []
    for numbers in texts.values():
        start = random.random()
        random.shuffle(numbers)
        turns += [((rank + start) / len(numbers), number) for rank, number in enumerate(numbers)]
    return [number for _, number in sorted(turns)]

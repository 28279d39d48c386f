"""As many parts as a number of tokens holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from longspan.compressing.base import Task
from longspan.compressing.shortened import Shortened
from longspan.compressing.words import words
from longspan.spans import Span


def filled(task: Task, ranked: Sequence[Span]) -> tuple[Shortened, ...]:
    """The parts that come first and fit together, counted as they will be read, and the beginning of the next one.

    So the budget is met within a word. Documents of which nothing stays are left out. Raises ValueError where not one
    word fits.
    """
    numbers = {id(document): number for number, document in enumerate(task.documents)}

    def shortened(parts: Sequence[Span]) -> tuple[Shortened, ...]:
        held: list[list[Span]] = [[] for _ in task.documents]
        for part in parts:
            held[numbers[id(part.document)]].append(part)
        each = zip(task.documents, held, strict=True)
        return tuple(Shortened.of(document, mine) for document, mine in each if mine)

    def tokens(parts: Sequence[Span]) -> int:
        return sum(task.count(each.document.text) for each in shortened(parts))

    fitting = _fitting(len(ranked), lambda number: tokens(ranked[:number]), task.budget, task.total)
    kept = list(ranked[:fitting])
    if fitting < len(ranked):
        next_one = ranked[fitting]
        inside = words(next_one.document, next_one.start, next_one.end)

        def beginning(number: int) -> list[Span]:
            return [Span(next_one.document, next_one.start, inside[number - 1].end)] if number else []

        left = _fitting(
            len(inside), lambda number: tokens([*kept, *beginning(number)]), task.budget, task.total
        )
        kept += beginning(left)
        if not kept and inside:
            needed = tokens(beginning(1))
            raise ValueError(
                f"rate leaves {task.budget:,} of {task.total:,} tokens, and the first word that is to stay takes "
                f"{needed:,}; use a rate of {needed / task.total + 0.0005:.3f} or more"
            )
    return shortened(kept)


def _fitting(count: int, cost: Callable[[int], int], budget: int, total: int) -> int:
    """The largest number up to `count` whose cost was found to be within the budget, and that of the next one not.

    cost: of a number, more or less growing with it, 0 for 0. total: about what the largest costs.
    """
    low, high = 0, count + 1
    low_cost, high_cost = 0, max(total, budget + 1)
    tries = 0
    while high - low > 1:
        share = 0.5 if tries % 3 == 2 else (budget - low_cost) / max(1, high_cost - low_cost)
        number = min(high - 1, max(low + 1, low + round(share * (high - low))))
        spent = cost(number)
        tries += 1
        if spent <= budget:
            low, low_cost = number, spent
        else:
            high, high_cost = number, spent
    return low

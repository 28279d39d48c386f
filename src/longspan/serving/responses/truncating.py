"""Dialogues that do not fit, without what was said first; who asks for this is told what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longspan.serving.compacting import Behind, gone_on
from longspan.serving.desk import Desk
from longspan.serving.refused import Overlong
from longspan.serving.responses.asking import Wanted
from longspan.serving.responses.items import Item, Piece


async def fitted(desk: Desk, wanted: Wanted, error: Overlong) -> tuple[Behind, list[Item]]:
    """The request without as many exchanges as must go, and the items that these were.

    An exchange begins with what a user says and goes with all that follows from it, so that no result stands without
    its call. What a system says, what was compacted, and the last exchange stay. Raises the error where that is not
    enough.
    """
    exchanges = _exchanges(wanted.pieces)
    answer = wanted.asked.generation.get("max_new_tokens", 1)

    async def without(count: int) -> Behind:
        gone = {id(each) for exchange in exchanges[:count] for each in exchange}
        turns = tuple(each.turn for each in wanted.pieces if id(each) not in gone)
        return await gone_on(desk, replace(wanted.asked, turns=turns), wanted.compaction, wanted.documents)

    low, high = 1, len(exchanges) - 1
    found: tuple[int, Behind] | None = None
    while low <= high:
        middle = (low + high) // 2
        behind = await without(middle)
        if await desk.count(behind.asked) + answer <= error.maximum:
            found, high = (middle, behind), middle - 1
        else:
            low = middle + 1
    if found is None:
        raise error
    dropped = [item for exchange in exchanges[: found[0]] for piece in exchange for item in piece.items]
    return found[1], dropped


def _exchanges(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that go together, without those of a system."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if piece.turn.role == "system":
            continue
        if not found or piece.turn.role == "user":
            found.append([])
        found[-1].append(piece)
    return found

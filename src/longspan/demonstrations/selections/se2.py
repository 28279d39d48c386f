"""Sequences of demonstrations, each chosen in view of those before it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.demonstrations.selections.similar import text_index
from longspan.errors import FlowError
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.dense import Dense

CARD = Card(
    name="se2",
    target="longspan.demonstrations.selections.se2:Se2",
    paper="Se^2: Sequential Example Selection for In-Context Learning",
    link="https://arxiv.org/abs/2402.13874",
    year=2024,
    training=False,
    trained=True,
    changes="Chooses a sequence of demonstrations one after another by how likely they make the right label.",
    field=(247,),
    missing="No encoder is trained on the likelihoods, so the sequence is that of the nearest of a few held-out "
    "demonstrations instead of one searched for the query itself.",
)


@dataclass(frozen=True, kw_only=True)
class Se2(Selection):
    """Sequential selection by the model's own likelihood. https://arxiv.org/abs/2402.13874

    For each of a few demonstrations that are held out, sequences of others are searched by beam: what comes next is
    what makes the held-out label likeliest behind all that was chosen. A query is shown the sequence of the held-out
    text that is most like it. Deviation: the paper trains an encoder on these likelihoods and searches by it for every
    query. Needs a model of this process.
    """

    best_last: ClassVar[bool] = False

    k: int | None = 3
    """How many demonstrations a sequence has at most."""

    beam: int = 3
    """How many sequences are gone on with; one is the greedy search."""

    candidates: int = 30
    """How many demonstrations are tried at each place, the same at all places, drawn for each held-out one."""

    held: int = 10
    """How many demonstrations are held out to choose for; they are not shown."""

    seed: int = 0
    """Of what is held out and tried."""

    retriever: Retriever = field(default_factory=Dense, metadata={"room": "retriever"})
    """What the likeness of a query to held-out texts is measured by."""

    def __post_init__(self) -> None:
        check_whole("k", 0 if self.k is None else self.k, 1)
        for name in ("beam", "candidates", "held"):
            check_whole(name, getattr(self, name), 1)

    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """The sequences, searched now. Raises FlowError without likelihoods, ValueError for too few demonstrations."""
        if scoring is None:
            raise FlowError(
                "se2 needs likelihoods of labels, which no server gives; use a model of this process, or similar"
            )
        if len(pool) < 2:
            raise ValueError(f"{len(pool):,} demonstrations leave none to hold out; give 2 or more")
        draw = random.Random(self.seed)  # noqa: S311
        held = draw.sample(range(len(pool)), min(self.held, len(pool) // 2))
        others = [number for number in range(len(pool)) if number not in set(held)]
        found = []
        for number in held:
            tried = draw.sample(others, min(self.candidates, len(others)))
            sequence, _ = searched(pool, tried, pool[number], scoring, self.k or 1, self.beam)
            found.append(sequence)
        index = text_index([pool[number].text for number in held], self.retriever)

        def ranked(query: str) -> Iterator[int]:
            nearest = next((number for number, _ in index.ranked(query)), 0)
            return iter(found[nearest])

        return ranked


def searched(
    pool: Sequence[Demonstration],
    tried: Sequence[int],
    asked: Demonstration,
    scoring: Scoring,
    length: int,
    beam: int,
) -> tuple[tuple[int, ...], float]:
    """The sequence of so many of the tried demonstrations after which a label is likeliest, and how likely, in nats.

    Never less than what the greedy search finds: its sequence is kept among those of the beam.
    """
    if not tried:
        raise ValueError("there are no demonstrations to try; give one or more")
    beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    greedy: tuple[int, ...] = ()
    for _ in range(min(length, len(tried))):
        grown: dict[tuple[int, ...], float] = {}
        for _, row in beams:
            left = [number for number in tried if number not in row]
            scores = scoring([pool[each] for each in row], [pool[each] for each in left], asked)
            grown |= {(*row, number): score for number, score in zip(left, scores, strict=True)}
        order = sorted(((score, row) for row, score in grown.items()), key=lambda each: (-each[0], each[1]))
        ahead = next(each for each in order if each[1][:-1] == greedy)
        greedy = ahead[1]
        beams = order[:beam] if ahead in order[:beam] else [*order[: beam - 1], ahead]
    score, row = beams[0]
    return row, score

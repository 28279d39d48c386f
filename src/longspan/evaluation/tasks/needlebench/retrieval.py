"""Legendary things hidden in prose: one, or ten at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request
from longspan.evaluation.tasks.hiding import depth_of, hidden

PLACES = tuple(
    f"{kind} of {name}"
    for kind in ("the island", "the valley", "the tower", "the forest")
    for name in (
        "Amberhollow",
        "Corveth",
        "Dunmarra",
        "Elsinfar",
        "Frosthaven",
        "Galmoor",
        "Ilvermoss",
        "Karrowick",
    )
)
TREASURES = tuple(
    f"{quality} {thing}"
    for quality in ("Silver", "Starlit", "Weeping", "Burning", "Hollow", "Crimson", "Silent", "Ivory")
    for thing in ("Lantern", "Chalice", "Compass", "Harp", "Crown", "Mirror", "Dagger", "Hourglass")
)


@dataclass(frozen=True, kw_only=True)
class Retrieval(Generated):
    """Single- and multi-needle retrieval of NeedleBench. https://arxiv.org/abs/2407.11963

    needles: how many are hidden and asked for. One alone is hidden at eleven depths in turn, from 0 to 1 by the
    sample's number; several are spread evenly from the beginning to the end. Places and things are our own.
    """

    needles: int = 1
    origin: Origin = "stand-in"
    unlike: str = "needles of ours, English alone, without the paper's lengths and weights"

    def __post_init__(self) -> None:
        if not 1 <= self.needles <= len(PLACES):
            raise ValueError(f"needles={self.needles} is outside 1 .. {len(PLACES)}; choose one of these")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Needles in the haystack, and the questions in the needles' order."""
        places = random.sample(PLACES, self.needles)
        treasures = random.sample(TREASURES, self.needles)
        start = random.randrange(len(request.haystack.sentences))
        depths = (
            [depth_of(index)]
            if self.needles == 1
            else [number / (self.needles - 1) for number in range(self.needles)]
        )
        needles = [
            (depth, f"Hidden in {place} is the legendary {treasure}.")
            for depth, place, treasure in zip(depths, places, treasures, strict=True)
        ]
        questions = "\n".join(f"What legendary item is hidden in {place}?" for place in places)
        form = "\n".join(f"The legendary item hidden in {place} is ______." for place in places)
        facts = {"depth": depths[0]} if self.needles == 1 else {"depths": depths}

        def build(count: int) -> Sample:
            text = hidden(request.haystack.take(count, start), needles)
            return Sample(
                id="",
                context="Please keep your answers concise and clear. Do not talk about irrelevant topics or repeat "
                f"your answers.\nThe document given to you by the user is:\n\n{text}\n\n",
                question=f"Now answer:\n{questions}\nPlease answer in the format:\n{form}\n",
                references=tuple(treasures),
                facts=facts,
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Share of the hidden things that the output names."""
        said = output.casefold()
        return {"score": sum(each.casefold() in said for each in sample.references) / len(sample.references)}

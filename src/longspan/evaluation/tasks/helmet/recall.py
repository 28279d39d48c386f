"""HELMET's recall: three tasks of RULER, and a value in a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from longspan.evaluation.catalogue import find
from longspan.evaluation.metrics.text import contains
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request
from longspan.evaluation.tasks.helmet.paper import LINK, PAPER
from longspan.evaluation.tasks.helmet.parsed import better
from longspan.evaluation.tasks.hiding import depth_of
from longspan.evaluation.tasks.lost_in_the_middle.pairs import random_pairs

_DEPTHS = 6
_SHOTS = 2


@dataclass(frozen=True, kw_only=True)
class JsonKv(Generated):
    """A value of a JSON object of random identifiers, asked for after two of its pairs as examples, without a chat
    template. Facts: `depth` of the asked pair, six in turn, and `pairs`."""

    max_new_tokens: int = 100
    chat: bool = False
    diffusion: Level = "medium"
    scope: Level = "low"
    paper: str = PAPER
    link: str = LINK

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The object with one asked key."""
        seed, depth = random.getrandbits(64), depth_of(index, _DEPTHS)

        def build(others: int) -> Sample:
            asked, *pairs = islice(random_pairs(Random(seed)), others + 1)  # noqa: S311
            shown = pairs[:_SHOTS]
            Random(seed).shuffle(pairs)  # noqa: S311
            pairs.insert(round(depth * others), asked)
            listed = ",\n ".join(f'"{key}": "{value}"' for key, value in pairs)
            examples = "".join(f"Key: {key}\nCorresponding value: {value}\n\n" for key, value in shown)
            return Sample(
                id="",
                context=f"JSON data:\n{{{listed}}}\n\n",
                question="Extract the value corresponding to the specified key in the JSON object below.\n\n"
                f"{examples}Key: {asked[0]}\n",
                prefix="Corresponding value:",
                references=(asked[1],),
                facts={"depth": depth, "pairs": len(pairs)},
            )

        return self.largest(build, request, fewest=_SHOTS + 1)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the value is a substring of the output, both normalised."""
        return {"score": better(contains, output, sample.references)}


_TAKEN = {"ruler/niah-multikey-2": 50, "ruler/niah-multikey-3": 100, "ruler/niah-multivalue": 50}
"""Each with the longest answer that the paper allows."""

TASKS = (
    *(
        replace(
            task,
            name=f"helmet/recall-{task.name.partition('/')[2]}",
            paper=PAPER,
            link=LINK,
            chat=False,
            max_new_tokens=_TAKEN[task.name],
            form=f"{task.form}, no chat template",
        )
        for task in find(_TAKEN)
    ),
    JsonKv(
        name="helmet/recall-json-kv",
        description="Give the value of one key in a JSON object of random identifiers, after two examples.",
        metric="1 if the value is a substring of the output, both normalised",
        form="the object, instruction, two examples, the key; the answer begins with Corresponding value:, no chat "
        "template",
    ),
)

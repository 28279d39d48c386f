"""The value of one key in a JSON object of random identifiers, made here or published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from uuid import UUID

from longspan.evaluation.origin import Origin
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Generated, Request
from longspan.evaluation.tasks.lost_in_the_middle.middle import Middle, depth


@dataclass(frozen=True, kw_only=True)
class KeyValue(Middle, Generated):
    """As many pairs as the length holds."""

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The object with one asked key; facts: `depth`, `gold_index` and `pairs`."""
        seed = random.getrandbits(64)

        def build(distractors: int) -> Sample:
            asked, *others = islice(random_pairs(Random(seed)), distractors + 1)  # noqa: S311
            return _sample("", asked, others, depth(index))

        return self.largest(build, request)


@dataclass(frozen=True, kw_only=True)
class PublishedPairs(Middle, Published):
    """The pairs and keys of the paper's file; as in its experiments, the asked pair is moved to the wanted place."""

    origin: Origin = "published"

    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """The object of a row; facts as for generated ones."""
        asked = (row["key"], row["value"])
        pairs = [(str(key), str(value)) for key, value in row["ordered_kv_records"]]
        pairs.remove(asked)
        yield _sample(f"{number:04d}", asked, pairs, depth(number))


def _sample(name: str, asked: tuple[str, str], others: Sequence[tuple[str, str]], depth: float) -> Sample:
    gold = round(depth * len(others))
    pairs = [*others[:gold], asked, *others[gold:]]
    lines = ",\n ".join(f'"{key}": "{value}"' for key, value in pairs)
    return Sample(
        id=name,
        context="Extract the value corresponding to the specified key in the JSON object below.\n\n"
        f"JSON data:\n{{{lines}}}\n\n",
        question=f'Key: "{asked[0]}"\n',
        prefix="Corresponding value:",
        references=(asked[1],),
        facts={"depth": depth, "gold_index": gold, "pairs": len(pairs)},
    )


def random_pairs(random: Random) -> Iterator[tuple[str, str]]:
    """Random identifiers in pairs, without end."""
    while True:
        key, value = (UUID(int=random.getrandbits(128), version=4) for _ in range(2))
        yield str(key), str(value)

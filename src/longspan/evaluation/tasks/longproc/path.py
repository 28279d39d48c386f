"""Path traversal: follow one-way connections between cities, and write each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.metrics.procedure import leading, tagged
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request
from longspan.evaluation.tasks.longproc.countdown import LINK, PAPER

METRIC = "1 for exactly the right route, else 0; partial: share of its lines that are right from the first on"
MEANS = ("bus", "train", "plane", "ferry")
FEWEST = 6

_SYLLABLES = (
    "an", "bel", "bor", "cas", "dal", "del", "dor", "el", "fal", "gar", "gren", "hal", "hol", "il", "kar", "kel", "lan",
    "lim", "lor", "mal", "mar", "mer", "mon", "nar", "nel", "nor", "ol", "or", "pal", "pen", "ral", "ren", "rin", "sal",
    "sel", "sor", "tal", "tar", "tol", "ul", "val", "vel", "ver", "wal", "win", "yar", "zel", "zor",
)  # fmt: skip
_ENDINGS = (
    "a",
    "berg",
    "by",
    "dale",
    "do",
    "field",
    "ford",
    "ham",
    "mere",
    "mouth",
    "o",
    "port",
    "stad",
    "ton",
    "wick",
)

_RULES = """\
In an invented world each city has a one-way connection to just one other city, by bus, train, plane or ferry. Find \
the route from one city to another: begin with the first city, see where its connection leads, and go on from there \
until you reach the last. Write the route between tags, one step a line, exactly like this:
<Route>
From <CITY>, take a <MEANS> to <CITY>.
...
From <CITY>, take a <MEANS> to <CITY>.
</Route>

The connections are:
"""


@dataclass(frozen=True, kw_only=True)
class PathTraversal(LongAnswer):
    """As many cities as the length allows; three quarters of them lie on the route."""

    name: str = "longproc/path"
    description: str = "Write the route from one city to another, where each city leads to one other."
    diffusion: Level = "high"
    scope: Level = "high"
    metric: str = METRIC
    paper: str = PAPER
    link: str = LINK
    form: str = (
        "rules and connections in any order as context; the two cities as question; a route between tags"
    )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One map and route."""
        seed = random.getrandbits(64)

        def build(count: int) -> tuple[Sample, str]:
            cities, connections = _world(Random(seed), count)  # noqa: S311
            stops = count * 3 // 4
            route = "\n".join(
                f"From {cities[place]}, take a {connections[place][0]} to {cities[connections[place][1]]}."
                for place in range(stops)
            )
            order = sorted(range(count), key=lambda place: cities[place][::-1])
            listed = "\n".join(
                f"You can travel from {cities[place]} to {cities[connections[place][1]]} by {connections[place][0]}."
                for place in order
            )
            sample = Sample(
                id="",
                context=_RULES + listed,
                question=f"\n\nNow find the route from {cities[0]} to {cities[stops]}.",
                references=(route,),
                facts={"cities": count},
            )
            return sample, f"<Route>\n{route}\n</Route>"

        return self.filled(build, request, fewest=FEWEST)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the route is the right one, and how many of its lines are."""
        return path_score(output, sample)


def path_score(output: str, sample: Sample) -> dict[str, float]:
    """`score` for the whole route and `partial` for its right lines; the sample's reference is the route."""
    route, wanted = tagged(output, "Route"), sample.references[0].strip()
    if route is None:
        return {"score": 0.0, "partial": 0.0}
    return {"score": float(route == wanted), "partial": leading(route.split("\n"), wanted.split("\n"))}


def _world(random: Random, count: int) -> tuple[list[str], list[tuple[str, int]]]:
    """Names of the cities, and by city its connection: the means and the city it leads to.

    The route is the first three quarters of the cities in order; all others lead to any city.
    """
    names = _names(random)
    cities, connections = [], []
    for place in range(count):
        cities.append(next(names))
        means, chance = random.choice(MEANS), random.random()
        connections.append((means, place + 1 if place < count * 3 // 4 else int(chance * count)))
    return cities, connections


def _names(random: Random) -> Iterator[str]:
    """Names without end, each once."""
    taken: set[str] = set()
    while True:
        syllables = random.choices(_SYLLABLES, k=2 if len(taken) < 4000 else 3)
        name = "".join((*syllables, random.choice(_ENDINGS))).capitalize()
        if name not in taken:
            taken.add(name)
            yield name

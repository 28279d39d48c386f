"""Needle Threading: needles and threads among pairs of UUIDs. https://arxiv.org/abs/2411.05000"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, Literal
from uuid import UUID

from longspan.credit import Credit
from longspan.evaluation.metrics.text import overlap
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task
from longspan.evaluation.tasks.endless import Endless
from longspan.evaluation.tasks.hiding import depth_of, interleaved

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
Pair = tuple[str, str]


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128)))


def _pair(random: Random) -> Pair:
    return _uuid(random), _uuid(random)


def _listed(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


@dataclass(frozen=True, kw_only=True)
class Pairs(Generated):
    """Questions about one JSON object whose keys and values are random UUIDs."""

    def sample(
        self,
        random: Random,
        request: Request,
        needles: Sequence[tuple[float, Pair]],
        question: str,
        references: Sequence[str],
        facts: Mapping[str, Any],
    ) -> Sample:
        """The sample whose needles (depth by number of pairs, pair) lie among as many other pairs as fit."""
        others = Endless(random, _pair)

        def build(count: int) -> Sample:
            pairs = interleaved(others.first(count), needles)
            text = ", ".join(f'"{key}": "{value}"' for key, value in pairs)
            return Sample(
                id="",
                context=f"{{{text}}}\n\n",
                question=question,
                references=tuple(references),
                facts=facts,
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Share of the wanted values in the output; `exact`: its UUIDs are these, in this order."""
        said = _UUID.findall(output.lower())
        found = sum(value in said for value in sample.references) / len(sample.references)
        return {"score": found, "exact": float(said == list(sample.references))}


@dataclass(frozen=True, kw_only=True)
class Keys(Pairs):
    """Single and multiple needles: the values of given keys. https://arxiv.org/abs/2411.05000

    needles: keys asked for; one alone lies at eleven depths in turn, several lie anywhere.
    """

    needles: int = 1

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Keys in the order of the question, which is not that of the text."""
        pairs = [_pair(random) for _ in range(self.needles)]
        depths = [random.random() for _ in pairs] if self.needles > 1 else [depth_of(index)]
        keys, values = [key for key, _ in pairs], [value for _, value in pairs]
        placed = list(zip(depths, pairs, strict=True))
        if self.needles == 1:
            question = (
                "Extract the value corresponding to the specified key in the JSON object above. Answer with the value "
                f'only.\nKey: "{keys[0]}"\nCorresponding value: '
            )
            return self.sample(random, request, placed, question, values, {"depth": depths[0]})
        question = (
            "Extract the values corresponding to the specified keys in the JSON object above. Answer with the list of "
            f"values only, in the order of the keys.\nKeys: {_listed(keys)}\nCorresponding values: "
        )
        return self.sample(random, request, placed, question, values, {"depths": depths})


@dataclass(frozen=True, kw_only=True)
class Conditional(Pairs):
    """Conditional needles: the values of all keys that contain a special character. https://arxiv.org/abs/2411.05000

    needles: how many such keys there are; character: what marks them, in place of one hexadecimal digit.
    """

    needles: int = 5
    character: str = "*"

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Marked keys anywhere; references in the order of the text."""
        depths = sorted(random.random() for _ in range(self.needles))
        pairs = [(self._marked(random), _uuid(random)) for _ in depths]
        question = (
            f'Extract all values whose keys contain the character "{self.character}" in the JSON object above. Answer '
            "with the list of values only.\nCorresponding values: "
        )
        values = [value for _, value in pairs]
        return self.sample(
            random, request, list(zip(depths, pairs, strict=True)), question, values, {"depths": depths}
        )

    def _marked(self, random: Random) -> str:
        key = _uuid(random)
        place = random.choice([number for number, digit in enumerate(key) if digit != "-"])
        return key[:place] + self.character + key[place + 1 :]

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """F1 of the output's UUIDs, with `precision` and `recall`; `exact`: they are the wanted ones and no others."""
        said = _UUID.findall(output.lower())
        precision, recall, f1 = overlap(said, sample.references)
        exact = float(sorted(said) == sorted(sample.references))
        return {"score": f1, "precision": precision, "recall": recall, "exact": exact}


@dataclass(frozen=True, kw_only=True)
class Threads(Pairs):
    """Threads: each value is the next key, wanted is the last value. https://arxiv.org/abs/2411.05000

    threads: how many are asked for at once. steps: pairs of each. direction: whether the pairs of a thread stand in
    the text from first to last, from last to first, or anyhow. branches: further pairs with the same key at each step
    but the last, each the start of a side thread that ends sooner; wanted is then the end of the longest thread.
    """

    threads: int = 1
    steps: int = 5
    direction: Literal["forward", "backward", "random"] = "forward"
    branches: int = 0

    def __post_init__(self) -> None:
        if self.threads > 1 and self.branches:
            raise ValueError(
                f"branches={self.branches} is outside 0 .. 0 for threads={self.threads}; set one of them"
            )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Threads through the object."""
        needles: list[tuple[float, Pair]] = []
        starts, ends = [], []
        for _ in range(self.threads):
            links = [_uuid(random) for _ in range(self.steps + 1)]
            starts.append(links[0])
            ends.append(links[-1])
            needles += self._placed(random, list(pairwise(links)))
            for step in range((self.steps - 1) * bool(self.branches)):
                for _ in range(self.branches):
                    side = [
                        links[step],
                        *(_uuid(random) for _ in range(random.randint(1, self.steps - 1 - step))),
                    ]
                    needles += self._placed(random, list(pairwise(side)))
        facts = {"hops": self.steps, "threads": self.threads, "depths": [depth for depth, _ in needles]}
        return self.sample(random, request, needles, self._question(starts), ends, facts)

    def _placed(self, random: Random, pairs: list[Pair]) -> list[tuple[float, Pair]]:
        depths = [random.random() for _ in pairs]
        if self.direction != "random":
            depths.sort(reverse=self.direction == "backward")
        return list(zip(depths, pairs, strict=True))

    def _question(self, starts: list[str]) -> str:
        if self.branches:
            return (
                "The specified key may occur several times in the JSON object above, with several values, and each of "
                "these values may again be a key, which may occur several times. These chains of keys and values have "
                "different lengths. Answer with the final value of the longest chain only.\n"
                f'Key: "{starts[0]}"\nFinal value of the longest chain: '
            )
        told = (
            "The value of a specified key in the JSON object above may itself be a key in the object, whose value may "
            "again be a key, and so on. "
        )
        if self.threads == 1:
            return (
                f"{told}Answer with the final value of this chain only.\n"
                f'Key: "{starts[0]}"\nCorresponding final value: '
            )
        return (
            f"{told}Follow the chain of each specified key. Answer with the list of final values only, in the order of "
            f"the keys.\nKeys: {_listed(starts)}\nCorresponding final values: "
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """For one thread: 1 if the last UUID of the output is its end; for several as for several needles."""
        if self.threads > 1:
            return super().score(output, sample)
        said = _UUID.findall(output.lower())
        return {
            "score": float(said[-1:] == list(sample.references)),
            "exact": float(said == list(sample.references)),
        }


def _facts(name: str, new_tokens: int, description: str, metric: str) -> dict[str, Any]:
    return {
        "name": f"needle-threading/{name}",
        "description": description,
        "max_new_tokens": new_tokens,
        "metric": metric,
        "paper": "Needle Threading: Can LLMs Follow Threads through Near-Million-Scale Haystacks?",
        "link": "https://arxiv.org/abs/2411.05000",
        "form": "one JSON object of UUIDs, then the question, which ends where the answer begins",
    }


_SHARE = "share of the wanted values in the output"
_LAST = "the last UUID of the output is the end of the thread"

CREDITS = (Credit(kind="task", name="needle-threading", field=217),)

TASKS: tuple[Task, ...] = (
    Keys(
        **_facts("single", 64, "Gives the value of one key.", _SHARE),
        diffusion="low",
        scope="low",
    ),
    Keys(
        **_facts("multiple", 320, "Gives the values of five keys.", _SHARE),
        diffusion="low",
        scope="medium",
        needles=5,
    ),
    Conditional(
        **_facts(
            "conditional", 320, "Gives the values of all keys with a star.", "F1 of the values in the output"
        ),
        diffusion="medium",
        scope="medium",
    ),
    Threads(
        **_facts("threading-forward", 64, "Follows a thread of five pairs that runs on in the text.", _LAST),
        diffusion="high",
        scope="low",
    ),
    Threads(
        **_facts(
            "threading-backward", 64, "Follows a thread of five pairs that runs back in the text.", _LAST
        ),
        diffusion="high",
        scope="low",
        direction="backward",
    ),
    Threads(
        **_facts(
            "threading-random", 64, "Follows a thread of five pairs that runs to and fro in the text.", _LAST
        ),
        diffusion="high",
        scope="low",
        direction="random",
    ),
    Threads(
        **_facts("multi-threading", 192, "Follows three threads of five pairs each.", _SHARE),
        diffusion="high",
        scope="medium",
        threads=3,
    ),
    Threads(
        **_facts("branched-threading", 64, "Finds the end of the longest of branching threads.", _LAST),
        diffusion="high",
        scope="medium",
        branches=1,
    ),
)

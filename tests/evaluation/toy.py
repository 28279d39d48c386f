"""A task for the tests of the runner: short contexts, several questions each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from longspan.evaluation import Haystack, Request, Sample, Task
from longspan.evaluation.task import Generated

FACTS = {
    "description": "Asks for a letter.",
    "max_new_tokens": 6,
    "diffusion": "low",
    "scope": "low",
    "metric": "share of letters a to m",
    "paper": "none",
    "link": "https://example.org",
    "form": "a text, then a question",
}
HAYSTACK = Haystack(
    repeats=True, name="toy", text="The lamp is lit. The sea is calm. A boat goes out. Nobody is at home."
)


def share(output: str) -> float:
    """A score that any change of the output is likely to change."""
    return sum(ord(letter) for letter in output) % 97 / 97


@dataclass(frozen=True, kw_only=True)
class Toy(Generated):
    """Two questions in turn on each context."""

    questions: int = 2

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Fills the length with sentences; samples of one context differ in their question."""
        start = index // self.questions

        def build(count: int) -> Sample:
            return Sample(
                id="",
                context=" ".join(request.haystack.take(count, start)),
                question=f" Letter {index}?",
                references=("a",),
                prefix=" It is",
                facts={"depth": index % 3 / 2},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> dict[str, float]:
        """Depends on each letter."""
        return {"score": share(output)}


@dataclass(frozen=True, kw_only=True)
class Given(Task):
    """Samples of natural length."""

    given: tuple[Sample, ...]
    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """As given."""
        return iter(self.given)

    def score(self, output: str, sample: Sample) -> dict[str, float]:
        """As for the toy."""
        return {"score": share(output)}


def toy(name: str = "toy/letters", **changes: object) -> Toy:
    """The toy task."""
    return replace(Toy(name=name, **FACTS), **changes)


def given(*contexts: str, name: str = "toy/given", **changes: object) -> Given:
    """One sample for each context."""
    samples = tuple(
        Sample(id=str(place), context=context, question=" And?", references=("a",))
        for place, context in enumerate(contexts)
    )
    return replace(Given(name=name, given=samples, **FACTS), **changes)

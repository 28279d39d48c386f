"""Learning from demonstrations: as many as fit, then one query, with the same demonstrations for every query."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request, TaskError


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text with its gold answers. cue: queries are asked whose cue a demonstration has too."""

    text: str
    answers: tuple[str, ...]
    cue: str = ""


@dataclass(frozen=True, kw_only=True)
class Demonstrated(Generated):
    """A task learned from demonstrations. instruction: what stands before them; item: what a text is called."""

    instruction: str
    item: str
    diffusion: Level = "medium"
    scope: Level = "high"
    paper: str = "Long-context LLMs Struggle with Long In-context Learning"
    link: str = "https://arxiv.org/abs/2404.02060"

    @abstractmethod
    def examples(self, random: Random, request: Request) -> tuple[Sequence[Example], Sequence[Example]]:
        """Demonstrations in the order in which they are shown, and queries, both shuffled by `random`."""

    @abstractmethod
    def solution(self, example: Example) -> str:
        """What follows a demonstration's text and the answer's prefix, up to and with the line break."""

    @property
    def prefix(self) -> str:
        """How every answer begins."""
        return ""

    def ask(self, example: Example) -> str:
        """An example's text as demonstrations and queries show it."""
        return f"{self.item}: {example.text}\n"

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Query `index`, from the first again after the last; facts: the number of `demonstrations`."""
        shared, queries = _filled(self, request)
        return self._sample(shared.context, queries[index % len(queries)], **shared.facts)

    def fill(self, request: Request) -> tuple[Sample, tuple[Example, ...]]:
        """A sample with as many demonstrations as leave room for the longest query, and all queries they prepare.

        Raises TaskError where there are too few demonstrations for the length.
        """
        shown, queries = self.examples(Random(f"{request.seed}/{self.name}/{request.length}"), request)  # noqa: S311
        if not queries:
            raise TaskError(f"{self.name}: its data has no query; fetch the files anew")
        longest = max(queries, key=lambda query: request.count_tokens(self.ask(query)))

        def build(count: int) -> Sample:
            if count > len(shown):
                raise TaskError(
                    f"{self.name} has {len(shown):,} demonstrations, too few for length={request.length:,}; "
                    "lower length=..."
                )
            blocks = "".join(f"{self.ask(each)}{self.prefix}{self.solution(each)}" for each in shown[:count])
            return self._sample(f"{self.instruction}\n{blocks}", longest, demonstrations=count)

        sample = self.largest(build, request)
        cues = {each.cue for each in shown[: sample.facts["demonstrations"]]}
        prepared = tuple(query for query in queries if query.cue in cues)
        if not prepared:
            raise TaskError(f"{self.name}: no query has a label that is demonstrated; raise length=...")
        return sample, prepared

    def _sample(self, context: str, query: Example, **facts: int) -> Sample:
        return Sample(
            id="",
            context=context,
            question=self.ask(query),
            prefix=self.prefix,
            references=query.answers,
            facts=facts,
        )


@lru_cache(maxsize=1)
def _filled(task: Demonstrated, request: Request) -> tuple[Sample, tuple[Example, ...]]:
    """What `fill` gives, kept for the next sample, which has the same demonstrations."""
    return task.fill(request)

"""What a task is: samples of a wanted length, and a score for an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import ClassVar, Literal

from longspan.errors import LongspanError
from longspan.evaluation.drawing import drawn
from longspan.evaluation.haystack import Haystack, HaystackTooShort
from longspan.evaluation.origin import ORIGINS, Origin
from longspan.evaluation.sample import Sample

Level = Literal["low", "medium", "high"]


class TaskError(LongspanError, ValueError):
    """A task that is unknown, cannot be made at a length, or whose data is absent or malformed."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What samples are wanted.

    length: tokens that the prompt and the longest answer may take together, None for data sets at their natural
    length. seed: samples are a function of it. count_tokens: tokens of a text by the tokenizer of the model under
    test. overhead: tokens that the chat template adds. haystack: the text in which needles are hidden. data: a folder
    with local copies of data sets, one folder each, None to fetch them from the hub.
    """

    length: int | None
    seed: int
    count_tokens: Callable[[str], int]
    overhead: int
    haystack: Haystack
    data: Path | None = None

    def prompt_tokens(self, sample: Sample) -> int:
        """Tokens of the whole prompt, the template's own included."""
        return self.overhead + sum(
            self.count_tokens(text) for text in (sample.context, sample.question, sample.prefix) if text
        )


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task of a benchmark.

    name: family and name, as in ruler/niah-single-1. max_new_tokens: the answer's longest length. chat: whether the
    prompt goes through the model's chat template. diffusion: how hard the needed text is to find, and scope: how much
    of the text is needed (https://arxiv.org/abs/2407.00402). metric: the score in words. paper: title of the
    benchmark's paper and link: its address. source: where the data comes from, "generated" if it is made here.
    origin: whose items are asked where there is no local data, see `origin_of`. unlike: what else keeps figures from
    being compared with published ones, in words, "" if nothing does. licence: that of the data. description: one
    sentence for people, what is asked. form: the prompt's form in words.
    """

    name: str
    description: str
    max_new_tokens: int
    chat: bool = True
    diffusion: Level
    scope: Level
    metric: str
    paper: str
    link: str
    source: str = "generated"
    origin: Origin = "generated"
    unlike: str = ""
    licence: str = "Apache-2.0"
    form: str

    answer: ClassVar[Literal["text", "losses", "choices"]] = "text"
    """What `score` gets as output: what the model wrote, a JSON list with the negative log-likelihood that it gave to
    each token of `references[0]`, or one with the log-likelihood of each of the fact `choices`."""

    sized: ClassVar[bool] = True
    """Whether samples are made at a wanted length; otherwise they come at their natural length."""

    aggregate: ClassVar[str] = "mean"
    """How the scores of the samples become the task's, a name in `metrics.aggregate.AGGREGATES`."""

    def answer_tokens(self, sample: Sample) -> int:
        """The longest answer to a sample: its fact `max_new_tokens` where answers grow with the length."""
        return int(sample.facts.get("max_new_tokens", self.max_new_tokens))

    def origin_of(self, data: Path | None) -> Origin:
        """Whose items are asked when `data` is the folder of local data; the same for all samples of a run."""
        return self.origin

    @property
    def family(self) -> str:
        """The benchmark that the task belongs to."""
        return self.name.partition("/")[0]

    @abstractmethod
    def samples(self, request: Request) -> Iterator[Sample]:
        """Samples, without end where they are generated; sample n is the same however many are taken."""

    def asks(self, sample: Sample) -> str:
        """The same for samples that ask the same, one of which must not be shown solved before another is asked."""
        return f"{sample.context}\0{sample.question}"

    def clusters(self, request: Request) -> list[str]:
        """The `cluster` of each sample of a data set, in its order."""
        return [sample.cluster for sample in self.samples(request)]

    def numbered(self, request: Request, numbers: Sequence[int]) -> Iterator[Sample]:
        """The samples of a data set that have these numbers, which rise."""
        wanted = iter(numbers)
        number = next(wanted, None)
        for place, sample in enumerate(self.samples(request)):
            if number is None:
                return
            if place == number:
                yield sample
                number = next(wanted, None)

    @abstractmethod
    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """`score`, from 0 to 1, and further figures by name."""


@dataclass(frozen=True, kw_only=True)
class Generated(Task):
    """A task whose samples are made at a wanted length."""

    def samples(self, request: Request) -> Iterator[Sample]:
        """Samples without end, each made with a random generator of its own."""
        index = 0
        while True:
            random = Random(f"{request.seed}/{self.name}/{request.length}/{index}")  # noqa: S311
            yield replace(self.make(random, index, request), id=f"{index:04d}")
            index += 1

    @abstractmethod
    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One sample, whose prompt and answer take at most `request.length` tokens; its id is set by the caller."""

    def largest(self, build: Callable[[int], Sample], request: Request, *, fewest: int = 1) -> Sample:
        """The sample `build(n)` with the largest n from `fewest` on that still fits the length.

        n is a number of units, such as sentences or pairs; `build` must not shrink as n grows, and must make the same
        choices at each n, so let it start from random numbers drawn before. Raises TaskError where `fewest` does not
        fit, or the haystack would have to be repeated.
        """
        if request.length is None:
            raise TaskError(f"{self.name} is made at a length; give one with length=...")
        room = request.length - self.max_new_tokens
        short: dict[int, HaystackTooShort] = {}

        def tokens(count: int) -> int:
            try:
                return request.prompt_tokens(build(count))
            except HaystackTooShort as error:
                short[count] = error
                return room + 1

        smallest = tokens(fewest)
        if fewest in short:
            raise TaskError(f"{self.name}: {short[fewest]}") from short[fewest]
        if smallest > room:
            raise TaskError(
                f"{self.name} needs {smallest + self.max_new_tokens:,} tokens or more, length={request.length:,} is "
                "too short; raise length=..."
            )
        low, high = fewest, fewest
        used = smallest
        while used <= room:
            low = high
            # Aim a little beyond what the tokens so far predict, at most sixteen times as far.
            high = max(high + 1, min(high * 16, int(high * room / used * 1.05) + 1))
            used = tokens(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if tokens(middle) <= room else (low, middle)
        if high in short:
            raise TaskError(f"{self.name} at length={request.length:,}: {short[high]}") from short[high]
        return build(low)


def taken(task: Task, request: Request, count: int | None) -> Iterator[Sample]:
    """`count` samples with their origin: the first of those that are generated, or drawn from a data set by the seed
    (see `drawing`) and in its order; all of a data set where it is None."""
    origin = task.origin_of(request.data)
    found: Iterator[Sample]
    if count is None or task.sized:
        found = islice(task.samples(request), count)
    else:
        chosen = drawn(task.clusters(request), count, f"{request.seed}/{task.name}")
        found = task.numbered(request, chosen)
    return (replace(sample, origin=origin) for sample in found)


def said_origins(tasks: Iterable[Task], data: Path | None) -> list[str]:
    """Whose items a run asks, a line for each origin: stand-ins by their names, other tasks by their families."""
    named: dict[Origin, dict[str, None]] = {}
    for task in tasks:
        origin = task.origin_of(data)
        named.setdefault(origin, {})[task.name if origin == "stand-in" else task.family] = None
    return [
        f"{', '.join(named[origin])}: {origin}, {words}"
        for origin, words in ORIGINS.items()
        if origin in named
    ]

"""One of many labels for a text: customers' intents, or invented labels (https://arxiv.org/abs/2404.02060)."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, zip_longest
from random import Random

from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.invented import names
from longspan.evaluation.tasks.liconbench.demonstrations import Demonstrated, Example


@dataclass(frozen=True, kw_only=True)
class Classification(Demonstrated):
    """A label for a text. label: what a label is called."""

    label: str
    metric: str = "accuracy: 1 if the first line of the answer is the label"

    @property
    def prefix(self) -> str:
        """How every answer begins."""
        return f"{self.label}:"

    def solution(self, example: Example) -> str:
        """The label."""
        return f" {example.answers[0]}\n"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the first line is the label, whatever its case; further queries that were made up do not count."""
        text = output.partition(f"{self.item}:")[0]
        text = text.partition(self.prefix)[2] if self.prefix in text else text
        given = text.strip().partition("\n")[0].strip()
        return {"score": float(given.lower() == sample.references[0].lower())}


@dataclass(frozen=True, kw_only=True)
class Intents(Classification):
    """Published texts with labels, demonstrated in rounds that have each label once."""

    instruction: str = (
        "Given a customer service query, please predict the intent of the query. The predict answer must come from "
        "the demonstration examples with the exact format. The examples are as follows:"
    )
    item: str = "service query"
    origin: Origin = "published"
    label: str = "intent category"

    @abstractmethod
    def labelled(self, request: Request) -> tuple[Iterable[Example], Iterable[Example]]:
        """Examples for demonstrations and for queries, from the data."""

    def examples(self, random: Random, request: Request) -> tuple[Sequence[Example], Sequence[Example]]:
        """Demonstrations in rounds, and queries."""
        shown, queries = (list(each) for each in self.labelled(request))
        random.shuffle(shown)
        random.shuffle(queries)
        by_label: defaultdict[str, list[Example]] = defaultdict(list)
        for example in shown:
            by_label[example.cue].append(example)
        rounds = [[each for each in turn if each is not None] for turn in zip_longest(*by_label.values())]
        for turn in rounds:
            random.shuffle(turn)
        return [example for turn in rounds for example in turn], queries


@dataclass(frozen=True, kw_only=True)
class Banking77(Intents):
    """77 intents of a bank's customers (https://arxiv.org/abs/2003.04807)."""

    def labelled(self, request: Request) -> tuple[Iterable[Example], Iterable[Example]]:
        """The rows of both files; their label is `category`, or `label_text` on the hub."""
        train, test = (
            Source(hub="mteb/banking77", split=split, files=(f"banking77/{split}.csv",))
            for split in ("train", "test")
        )
        return self._read(train, request), self._read(test, request)

    def _read(self, source: Source, request: Request) -> Iterator[Example]:
        for number, row in enumerate(source.rows(request.data, self.name), 1):
            label = row.get("category") or row.get("label_text")
            if not label or not row.get("text"):
                raise TaskError(
                    f"{self.name}: row {number} of {source.split} has no text or no category; fetch the file anew"
                )
            yield Example(text=row["text"].strip(), answers=(label,), cue=label)


@dataclass(frozen=True, kw_only=True)
class Clinc150(Intents):
    """150 intents of an assistant's users (https://aclanthology.org/D19-1131)."""

    def labelled(self, request: Request) -> tuple[Iterable[Example], Iterable[Example]]:
        """The parts `train` and `test` of the file."""
        source = Source(files=("clinc150/data_full.json",))
        whole = next(iter(source.rows(request.data, self.name)), {})
        return self._read(whole, "train"), self._read(whole, "test")

    def _read(self, whole: Row, part: str) -> list[Example]:
        try:
            return [Example(text=text, answers=(label,), cue=label) for text, label in whole[part]]
        except (KeyError, TypeError, ValueError) as error:
            raise TaskError(
                f"{self.name}: data_full.json has no pairs of text and intent under {part} ({error!r}); "
                "fetch the file anew"
            ) from error


_PER_LABEL = 8
_REMARKS = (
    "The {cue} came in this morning and nobody knows where it belongs.",
    "We still have one {cue} on the upper shelf.",
    "Somebody has asked for a {cue} and will call again on Friday.",
    "Please see to the {cue} before the end of the week.",
    "A {cue} was returned yesterday because it did not fit.",
    "There was a scratch on the {cue} when it was unpacked.",
    "Two people looked at the {cue} and neither could lift it.",
    "The {cue} has to be wrapped before it is sent away.",
)


@dataclass(frozen=True, kw_only=True)
class Invented(Classification):
    """Invented labels for remarks about invented things; which thing has which label only the demonstrations tell.

    labels: their number, 2 or more.
    """

    labels: int = 64
    instruction: str = (
        "Each remark belongs to a category, and the thing it is about decides which. Predict the category of the last "
        "remark. The predicted answer must come from the examples with the exact format. The examples are as follows:"
    )
    item: str = "remark"
    origin: Origin = "stand-in"
    unlike: str = (
        "the very word that decides stands in a demonstration too, so a label is looked up and nothing is "
        "generalised"
    )
    label: str = "category"

    def __post_init__(self) -> None:
        if self.labels < 2:
            raise ValueError(f"labels={self.labels} must be 2 or more")

    def examples(self, random: Random, request: Request) -> tuple[Sequence[Example], Sequence[Example]]:
        """Demonstrations in rounds that have each label once, and one query for each thing."""
        if request.length is None:
            raise TaskError(f"{self.name} is made at a length; give one with length=...")
        invented = names(random)
        things = {
            next(invented).lower(): [next(invented).lower() for _ in range(_PER_LABEL)]
            for _ in range(self.labels)
        }

        def remarks() -> Iterator[Example]:
            for turn in count():
                for label in random.sample(list(things), len(things)):
                    yield _remark(random, things[label][turn % _PER_LABEL], label)

        queries = [_remark(random, cue, label) for label, cues in things.items() for cue in cues]
        random.shuffle(queries)
        # A demonstration has more than ten words.
        return list(islice(remarks(), request.length // 10)), queries


def _remark(random: Random, cue: str, label: str) -> Example:
    return Example(text=random.choice(_REMARKS).format(cue=cue), answers=(label,), cue=cue)

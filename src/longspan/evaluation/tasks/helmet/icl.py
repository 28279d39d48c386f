"""HELMET's many-shot learning in context: labels that are mere numbers, with as many examples as fit the length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from longspan.evaluation.metrics.text import exact
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Generated, Level, Request, TaskError
from longspan.evaluation.tasks.helmet.paper import LINK, PAPER
from longspan.evaluation.tasks.helmet.parsed import parsed

_INSTRUCTION = (
    'Use the provided mapping from the text to label to assign a label to the text. Only output "label: {label}" and '
    "nothing else. \n\n"
)
_EXPORTED = "refs/convert/parquet"
"""Where the hub keeps data sets that were published as a script."""


class Example(NamedTuple):
    """A text and its label."""

    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Icl(Generated):
    """Examples with labels, and a text to be labelled. Every sample has its own examples and its own numbers.

    train and test: where examples and texts to be labelled are; without test, a tenth of train. labels: names of the
    field with the label, the first that a row has. parts: where a row holds lists of pairs instead, those of train
    and of test. The examples come in rounds that have each label once. Facts: `shots`, their number.
    """

    train: Source
    test: Source | None = None
    labels: tuple[str, ...]
    parts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    max_new_tokens: int = 20
    chat: bool = False
    diffusion: Level = "medium"
    scope: Level = "high"
    metric: str = "1 if what follows label: up to the end of its line is the label"
    origin: Origin = "published"
    paper: str = PAPER
    link: str = LINK
    form: str = "instruction, examples, the text; the answer begins with label:, no chat template"

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Text `index`, from the first again after the last."""
        shown, asked = _examples(self, request.data, request.seed)
        text, gold = asked[index % len(asked)]
        names = sorted({each.label for each in shown})
        numbers = dict(zip(names, random.sample(range(len(names)), len(names)), strict=True))
        endless = _rounds(shown, random)
        drawn: list[Example] = []

        def build(shots: int) -> Sample:
            drawn.extend(islice(endless, max(0, shots - len(drawn))))
            examples = "\n\n".join(f"{each.text}\nlabel: {numbers[each.label]}" for each in drawn[:shots])
            return Sample(
                id="",
                context=f"{_INSTRUCTION}{examples}",
                question=f"\n\n{text}\n",
                prefix="label:",
                references=(str(numbers[gold]),),
                facts={"shots": shots},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Accuracy."""
        return {"score": exact(parsed(sample.prefix + output, sample.prefix), sample.references[0])}


@lru_cache(maxsize=2)
def _examples(task: Icl, data: Path | None, seed: int) -> tuple[Sequence[Example], Sequence[Example]]:
    """Examples to learn from, and those whose text is asked for, in rounds that have each label once."""
    random = Random(f"{seed}/{task.name}")  # noqa: S311
    learned, asked = task.parts
    shown = list(_read(task, task.train.rows(data, task.name), learned))
    if task.test is not None:
        tested = list(_read(task, task.test.rows(data, task.name), asked))
    else:
        random.shuffle(shown)
        tenth = len(shown) // 10
        shown, tested = shown[tenth:], shown[:tenth]
    known = {each.label for each in shown}
    tested = [each for each in tested if each.label in known]
    if not tested:
        raise TaskError(f"{task.name} has too few rows, no text is left to be labelled; fetch the data anew")
    return shown, tuple(islice(_rounds(tested, random, again=False), len(tested)))


def _read(task: Icl, rows: Iterable[Row], parts: Sequence[str]) -> Iterator[Example]:
    for number, row in enumerate(rows, 1):
        try:
            if parts and parts[0] in row:
                yield from (Example(text, str(label)) for part in parts for text, label in row[part])
            else:
                yield Example(row["text"], str(next(row[name] for name in task.labels if name in row)))
        except (LookupError, TypeError, ValueError, StopIteration) as error:
            raise TaskError(
                f"{task.name} row {number} is not laid out as published ({error!r}); fetch the data anew"
            ) from error


def _rounds(examples: Sequence[Example], random: Random, *, again: bool = True) -> Iterator[Example]:
    """Round after round, in each of which every label stands once, in random order.

    A label's examples come in random order, and where `again` from the first again after the last.
    """
    by_label: dict[str, list[Example]] = {}
    for example in examples:
        by_label.setdefault(example.label, []).append(example)
    for label in by_label:
        random.shuffle(by_label[label])
    for number in count():
        left = [each for each in by_label.values() if again or number < len(each)]
        if not left:
            return
        yield from (each[number % len(each)] for each in random.sample(left, len(left)))


TASKS = (
    *(
        Icl(
            name=f"helmet/icl-trec-{kind}",
            description=f"Learn from examples which of {number} kinds of question a question is.",
            train=Source(
                hub="CogComp/trec",
                revision=_EXPORTED,
                split="train",
                files=("trec/train.jsonl", "trec/train.csv"),
            ),
            test=Source(hub="CogComp/trec", revision=_EXPORTED, files=("trec/test.jsonl", "trec/test.csv")),
            labels=(f"{kind}_label",),
            source="https://huggingface.co/datasets/CogComp/trec",
            licence="unknown",
        )
        for kind, number in (("coarse", 6), ("fine", 50))
    ),
    Icl(
        name="helmet/icl-nlu",
        description="Learn from examples which of 68 intents a request to an assistant has.",
        train=Source(
            hub="xingkunliuxtracta/nlu_evaluation_data",
            revision=_EXPORTED,
            split="train",
            files=("nlu_evaluation_data/train.jsonl", "nlu_evaluation_data/train.csv"),
        ),
        labels=("label",),
        source="https://huggingface.co/datasets/xingkunliuxtracta/nlu_evaluation_data",
        licence="CC BY 4.0",
    ),
    Icl(
        name="helmet/icl-banking77",
        description="Learn from examples which of 77 intents a bank's customer has.",
        train=Source(hub="mteb/banking77", split="train", files=("banking77/train.csv",)),
        test=Source(hub="mteb/banking77", files=("banking77/test.csv",)),
        labels=("category", "label"),
        source="https://github.com/PolyAI-LDN/task-specific-datasets, or mteb/banking77 on the hub",
        licence="CC BY 4.0",
    ),
    Icl(
        name="helmet/icl-clinc150",
        description="Learn from examples which of 150 intents a request has, or none of them.",
        train=Source(hub="clinc/clinc_oos", subset="plus", split="train", files=("clinc150/data_full.json",)),
        test=Source(
            hub="clinc/clinc_oos", subset="plus", split="validation", files=("clinc150/data_full.json",)
        ),
        labels=("intent",),
        parts=(("train", "oos_train"), ("val", "oos_val")),
        source="https://github.com/clinc/oos-eval, or clinc/clinc_oos on the hub",
        licence="CC BY 3.0",
    ),
)

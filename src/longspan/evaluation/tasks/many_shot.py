"""Classification with as many demonstrations as fit, chosen by a selection; labels by their likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from random import Random
from typing import cast

from longspan.credit import Credit
from longspan.demonstrations.demonstration import Demonstration, apart, labels_of
from longspan.demonstrations.layout import fitting
from longspan.demonstrations.selections.base import Ranking, Selection
from longspan.evaluation.choices import Choosing
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Generated, Level, Request, TaskError
from longspan.notation import parse_call
from longspan.parts import build


@dataclass(frozen=True, kw_only=True)
class ManyShot(Choosing, Generated):
    """Demonstrations, and a text to be labelled; the label is the likeliest of all.

    train and test: where demonstrations and texts to be labelled are. label: the field with the label, in which blanks
    take the place of low lines. parts: where a row holds lists of pairs instead, that of train and that of test.
    select: which demonstrations are shown, a selection as text; one that draws draws by the seed of the run, and where
    it names fewer than fit, others fill up in their order. None of them is a text that is asked about. Facts: `choices`
    and `shots`, the number of demonstrations.
    """

    train: Source
    test: Source
    label: str = "category"
    parts: tuple[str, str] | None = None
    select: str

    max_new_tokens: int = 16
    chat: bool = False
    diffusion: Level = "medium"
    scope: Level = "high"
    metric: str = "1 if the right label is the likeliest of all"
    origin: Origin = "published"
    paper: str = "Revisiting In-Context Learning with Long Context Language Models"
    link: str = "https://arxiv.org/abs/2412.16926"
    unlike: str = "data, prompt and lengths are not those of the paper"
    form: str = "demonstrations and the text, each with label: behind it; no chat template"

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Text `index`, from the first again after the last."""
        if request.length is None:
            raise TaskError(f"{self.name} is made at a length; give one with length=...")
        pool, asked, labels, ranking, best_last = _opened(self, request.data, request.seed)
        text, gold = asked[index % len(asked)]

        def built(numbers: Sequence[int]) -> Sample:
            shown = [pool[number] for number in (reversed(numbers) if best_last else numbers)]
            return Sample(
                id="",
                context="".join(map(_written, shown)),
                question=f"{text}\n",
                prefix="label:",
                references=(gold,),
                facts={"choices": list(labels), "shots": len(shown)},
            )

        room = request.length - self.max_new_tokens
        left = room - request.prompt_tokens(built(()))
        wanted = _each_once(chain(ranking(text), range(len(pool))))
        kept = fitting(wanted, lambda number: request.count_tokens(_written(pool[number])), left)
        while kept and request.prompt_tokens(built(kept)) > room:
            kept.pop()
        if not kept:
            raise TaskError(
                f"{self.name} has no demonstration that fits into length={request.length:,}; raise length=..."
            )
        return built(kept)


def _each_once(numbers: Iterable[int]) -> Iterator[int]:
    known: set[int] = set()
    for number in numbers:
        if number not in known:
            known.add(number)
            yield number


def _written(shown: Demonstration) -> str:
    return f"{shown.text}\nlabel: {shown.label}\n\n"


@lru_cache(maxsize=8)
def _opened(
    task: ManyShot, data: Path | None, seed: int
) -> tuple[tuple[Demonstration, ...], Sequence[tuple[str, str]], tuple[str, ...], Ranking, bool]:
    """Demonstrations, none of which is asked about; texts with their labels; all labels; which are wanted most."""
    learned, asked = (
        [pair for row in source.rows(data, task.name) for pair in _pairs(task, row, place)]
        for place, source in enumerate((task.train, task.test))
    )
    known = labels_of(Demonstration(text=text, label=label) for text, label in learned)
    random = Random(f"{seed}/{task.name.rpartition('-')[0]}")  # noqa: S311
    asked = random.sample(asked, len(asked))
    pool = apart(
        [Demonstration(text=text, label=label) for text, label in learned], (text for text, _ in asked)
    )
    asked = [(text, label) for text, label in asked if label in set(known)]
    if not pool or not asked:
        raise TaskError(
            f"{task.name} has too few rows, nothing is left to show or to ask; fetch the data anew"
        )
    selection = cast(Selection, build("selection", parse_call(task.select)))
    if "seed" in {each.name for each in fields(selection)}:
        selection = replace(selection, seed=seed)  # type: ignore[call-arg]
    return pool, asked, tuple(sorted(known)), selection.ranking(pool), selection.best_last


def _pairs(task: ManyShot, row: Row, place: int) -> list[tuple[str, str]]:
    try:
        found = [(row["text"], row[task.label])] if task.parts is None else row[task.parts[place]]
        return [(text, label.replace("_", " ")) for text, label in found if text.strip()]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TaskError(
            f"{task.name} is not laid out as published ({error!r}); fetch the data anew"
        ) from error


_WAYS = {"random": "random", "similar": "similar", "words": "similar(retriever=bm25)", "diverse": "diverse"}

CREDITS = (Credit(kind="task", name="many-shot", field=237),)

TASKS = (
    *(
        ManyShot(
            name=f"many-shot/banking77-{way}",
            description=f"Which of 77 intents a bank's customer has, after demonstrations ({select}).",
            train=Source(hub="mteb/banking77", split="train", files=("banking77/train.csv",)),
            test=Source(hub="mteb/banking77", files=("banking77/test.csv",)),
            select=select,
            source="https://github.com/PolyAI-LDN/task-specific-datasets, or mteb/banking77 on the hub",
            licence="CC BY 4.0",
        )
        for way, select in _WAYS.items()
    ),
    *(
        ManyShot(
            name=f"many-shot/clinc150-{way}",
            description=f"Which of 150 intents a request has, after demonstrations ({select}).",
            train=Source(files=("clinc150/data_full.json",), address="https://github.com/clinc/oos-eval"),
            test=Source(files=("clinc150/data_full.json",), address="https://github.com/clinc/oos-eval"),
            parts=("train", "test"),
            select=select,
            source="https://github.com/clinc/oos-eval",
            licence="CC BY 3.0",
        )
        for way, select in _WAYS.items()
    ),
)

"""The samples of a task in batches that share a context, so that one reading serves a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from random import Random

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError
from longspan.evaluation.tune.corpus import Corpus
from longspan.flows.passages import choose
from longspan.spans import render

LARGEST = 6
"""Questions of a batch; more about the same context come in further batches."""


def made(task: Task, request: Request) -> Iterator[list[Sample]]:
    """Batch after batch of a task whose samples are made at a length, without end."""
    for _, same in groupby(task.samples(request), key=lambda sample: sample.context):
        yield from split(same)


def given(task: Task, request: Request, corpus: Corpus) -> list[list[Sample]]:
    """The batches of a task with samples of its own, in a seeded order.

    A sample without context gets the documents: all of them where they fit `request.length`, else the passages that
    speak most of its question.
    """
    groups: dict[str, list[Sample]] = {}
    for sample in task.samples(request):
        own = sample if sample.context else replace(sample, context=_text(task, sample, request, corpus))
        groups.setdefault(own.context, []).append(own)
    parts = [part for same in groups.values() for part in split(same)]
    Random(f"{request.seed}/{task.name}").shuffle(parts)  # noqa: S311
    return parts


def split(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Batches of a size that can be tried by many plans."""
    iterator = iter(samples)
    while part := list(islice(iterator, LARGEST)):
        yield part


def _text(task: Task, sample: Sample, request: Request, corpus: Corpus) -> str:
    if request.length is None:
        raise TaskError(f"{task.name} has questions without context; give a length with length=...")
    room = request.length - task.max_new_tokens - request.prompt_tokens(replace(sample, context="\n\n"))
    if room < 1:
        raise TaskError(
            f"{task.name}: question {sample.id} leaves no room for text at length={request.length:,}; raise length=..."
        )
    return render(choose(corpus.documents, sample.question, room, request.count_tokens).spans) + "\n\n"

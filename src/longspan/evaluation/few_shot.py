"""Solved examples of a task, read before what is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from longspan.evaluation.drawing import drawing_order
from longspan.evaluation.prompt import Turn
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError

TRIES = 200
"""Samples that are looked at for examples that are not asked."""


def made_examples(
    task: Task, request: Request, count: int, asked: Collection[str] = ()
) -> tuple[Sample, ...]:
    """Examples of a task whose samples are made at a length, by another seed than the samples that are asked.

    Together they take at most half of the length. asked: what none of them may ask, by `Task.asks`. Raises TaskError
    where that is too little, or too few are left.
    """
    if not count or request.length is None:
        return ()
    short = replace(request, seed=-1 - request.seed, length=request.length // (2 * count))
    try:
        tried = islice(task.samples(short), TRIES if asked else count)
        found = tuple(islice((sample for sample in tried if task.asks(sample) not in asked), count))
    except TaskError as error:
        raise TaskError(
            f"{count} examples in half of length={request.length:,} leave too little for each: {error}"
        ) from error
    if len(found) < count:
        raise TaskError(
            f"{task.name} has too few items for {count} examples that are not asked themselves; ask fewer with "
            "samples=..., or leave out few_shot=..."
        )
    return found


def drawn_examples(task: Task, request: Request, count: int) -> list[Sample]:
    """Samples of a data set that are shown as examples, drawn by the seed; they are not asked."""
    order = drawing_order(task.clusters(request), f"{request.seed}/{task.name}/examples")
    return list(task.numbered(request, sorted(order[:count])))


def solved(task: Task, sample: Sample) -> Turn:
    """What a user says of a sample, and the whole right answer to it.

    A task may want one of the references or all of them, so the answer is the way to give them that the task itself
    scores highest. Raises TaskError where none scores 1.
    """
    if task.answer == "losses":
        raise TaskError(
            f"{task.name} measures the likelihood of a text and takes no examples; leave out few_shot=..."
        )
    blank = "" if not sample.prefix or sample.prefix[-1].isspace() else " "
    said = (sample.references[:1], sample.references)
    ways = [f"{blank}{between.join(each)}" for each in said for between in (", ", "\n")]
    if task.answer == "choices":
        best, score = ways[0], 1.0
    else:
        score, best = max(((task.score(way, sample)["score"], way) for way in ways), key=lambda each: each[0])
    if score < 1 - 1e-6:
        raise TaskError(
            f"{task.name} has no right answer to show as an example (sample {sample.id}); leave out few_shot=..."
        )
    return sample.context + sample.question, sample.prefix + best


def as_text(turns: Sequence[Turn]) -> str:
    """Examples as one text to read before the context."""
    return "".join(f"{user.rstrip()}\n{answer.strip()}\n\n" for user, answer in turns)

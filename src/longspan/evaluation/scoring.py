"""From what a model said to a record with its score; a scorer that fails costs one record and not the run."""

from __future__ import annotations

import math
from dataclasses import replace

from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.spans import split_reasoning


def answered(record: Record, task: Task, said: str, sample: Sample, *, thinks: bool = False) -> Record:
    """`scored` for all that a model said, whose reasoning is kept but not scored. thinks: it had begun before."""
    closed = "</think>" in said and "<think>" not in said.partition("</think>")[0]
    reasoning, answer = split_reasoning(said, begun=thinks or closed)
    output = said if answer == said.strip() else answer
    return scored(replace(record, reasoning=reasoning), task, output, sample)


def scored(record: Record, task: Task, output: str, sample: Sample) -> Record:
    """The record with the output and its scores, "unscored" with the reason where the task cannot score it."""
    kept = replace(record, output=output, scores={}, error="")
    try:
        scores = dict(task.score(output, sample))
        score = scores["score"]
        if not math.isfinite(score) or not -1e-6 <= score <= 1 + 1e-6:
            raise ValueError(f"score={score} is outside 0 .. 1")
    except Exception as error:  # a task is code of many hands, and an output can be anything
        reason = f"{type(error).__name__}: {error}"
        return replace(kept, status="unscored", error=" ".join(reason.split())[:300])
    return replace(kept, status="scored", scores=scores)

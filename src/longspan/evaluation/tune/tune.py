"""Which plan is best for a model and the user's own documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from longspan.errors import LongspanError
from longspan.evaluation.asking import Asking, Question
from longspan.evaluation.local import Local
from longspan.evaluation.task import Task, TaskError
from longspan.evaluation.tune.candidates import candidates
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.questions import Questions
from longspan.evaluation.tune.search import Search, Stage
from longspan.evaluation.tune.standing import Limits
from longspan.evaluation.tune.tuning import Tuning
from longspan.model import Model
from longspan.parameters import check_range
from longspan.plan import Plan


def default_length(window: int) -> int:
    """An eighth of the window, from 1,024 to 4,096 tokens, and never over the window."""
    return min(window, max(1024, min(window // 8, 4096)))


def usable(model: Model, plans: Iterable[Plan]) -> list[Plan]:
    """The plans that can be made for a model."""
    found = []
    for plan in plans:
        try:
            model.session(plan).close()
        except LongspanError:
            continue
        found.append(plan)
    return found


def tune(
    model: Model,
    corpus: Corpus,
    *,
    plans: Sequence[Plan] = (),
    questions: Task | None = None,
    length: int | None = None,
    limits: Limits | None = None,
    loss: float = 0.1,
    seconds: float = 600.0,
    question: Question = "seen",
    template: Mapping[str, Any] | None = None,
    chunk: int = 2048,
    seed: int = 0,
    watch: Callable[[Stage], None] = lambda stage: None,
) -> Tuning:
    """Races plans on questions about the documents, and chooses the leanest shown to lose little to the full cache.

    plans: what is raced, by default `candidates`. questions: a task, by default one made from the documents. length:
    tokens of a prompt and its answer, by default `default_length`. limits: what a plan may take. loss: how much lower
    than the full cache the winner may score, from 0 to 1, shown on the same questions at 95 %. seconds: how long the
    search may take. question: whether policies act when they have seen the question. template: variables of the chat
    template. watch is told of every answer.

    Raises TaskError for questions that cannot be made or asked at the length, and NoPlan where no plan stays within
    the limits, or the full cache answers nothing, so that there is nothing to compare.
    """
    check_range("seconds", seconds, 1)
    check_range("loss", loss, 0, 1)
    length = default_length(model.window) if length is None else length
    check_range("length", length, 1)
    if length > model.window:
        raise TaskError(
            f"length={length:,} is over the window of {model.window:,} tokens; lower length=..., since the full cache "
            "is what plans are compared with"
        )
    return Search(
        target=Local(model, chunk=chunk),
        corpus=corpus,
        plans=tuple(plans) or tuple(usable(model, candidates(length))),
        task=questions or Questions(corpus=corpus),
        length=length,
        limits=limits or Limits(),
        loss=loss,
        seconds=seconds,
        asking=Asking(question=question, template=dict(template or {})),
        seed=seed,
        watch=watch,
    ).run()

"""Documents made shorter by any method, to a share of their tokens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from longspan.compressing.base import Compressor, Task
from longspan.compressing.compressed import Compressed
from longspan.compressing.extractive import Extractive
from longspan.compressing.filling import filled
from longspan.compressing.shortened import Shortened
from longspan.notation import parse_call
from longspan.parts import build, name_of
from longspan.plan import Plan
from longspan.retrieval.judge import Judge
from longspan.spans import Document, Span
from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.model import Model


def compress(
    documents: Document | Sequence[Document],
    rate: float,
    *,
    by: Compressor | str | None = None,
    question: str = "",
    model: Model | None = None,
    plan: Plan | str | None = None,
    judge: Judge | None = None,
    count: Callable[[str], int] | None = None,
) -> Compressed:
    """Documents with only so large a share of their tokens, those of all of them together.

    rate: in (0, 1]; what stays has at most that share, and less by a word at most. by: the method, or its text such as
    "selective-context(unit=sentence)"; by default extractive. question: what they will be read for, for methods that
    use one. model: whose tokens count, and into which methods look, under a plan; judge: one that flows ask, instead.
    count: tokens of a text, by default the model's. Raises ValueError for a rate, a question or a model that the method
    cannot do with, and for a rate that leaves not one word.
    """
    check_rate(rate)
    compressor = compressor_of(by)
    if judge is None:
        judge = Judge(ask=_unasked, model=model, plan=None if plan is None else Plan.of(plan))
    given = (documents,) if isinstance(documents, Document) else tuple(dict.fromkeys(documents))
    count = count or (judge.model.count if judge.model else None)
    if count is None:
        raise ValueError("neither model nor count is given, and rate is a share of tokens; give one of them")
    check_needs(compressor, question, has_model=judge.model is not None)
    texts = tuple(document for document in given if document.text.strip())
    lengths = [count(document.text) for document in texts]
    total = sum(lengths)
    begun, spent = time.perf_counter(), list[Usage]()

    def took(usage: Usage) -> None:
        spent.append(usage)
        judge.spent(usage)

    parts: tuple[Shortened, ...]
    if rate == 1 or not texts:
        parts = tuple(Shortened.of(each, [Span(each, 0, len(each.text))]) for each in texts)
        kept = total
    else:
        budget = math.floor(round(rate * total, 6))
        asked = Judge(ask=judge.ask, model=judge.model, plan=judge.plan, spent=took, identity=judge.identity)
        task = Task(
            documents=texts, question=question.strip(), budget=budget, total=total, count=count, judge=asked
        )
        parts = filled(task, compressor.ranked(task))
        kept = sum(count(each.document.text) for each in parts)
    usage = Usage(
        prompt_tokens=sum(each.prompt_tokens for each in spent),
        generated_tokens=0,
        kv_bytes=0,
        peak_kv_bytes=max((each.peak_kv_bytes for each in spent), default=0),
        prefill_seconds=sum(each.prefill_seconds for each in spent),
        decode_seconds=0.0,
    )
    seconds = time.perf_counter() - begun
    return Compressed(parts=parts, tokens=kept, total=total, usage=usage, seconds=seconds)


def check_rate(rate: float) -> None:
    """Raises ValueError for what is no share of tokens that can stay."""
    number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not number or not 0 < rate <= 1:
        raise ValueError(
            f"rate={rate!r} is outside 0 < rate ≤ 1; use the share of tokens to keep, such as 0.5"
        )


def compressor_of(by: Compressor | str | None) -> Compressor:
    """The compressor that a text such as extractive(unit=passage) names."""
    if by is None:
        return Extractive()
    return cast(Compressor, build("compressor", parse_call(by))) if isinstance(by, str) else by


def check_needs(compressor: Compressor, question: str, *, has_model: bool) -> None:
    """Raises ValueError where a compressor lacks the question or the model that it cannot do without."""
    name = name_of("compressor", compressor)
    if compressor.asks and not question.strip():
        raise ValueError(f"{name} needs a question; give one, or use selective-context or extractive")
    if compressor.looks and not has_model:
        raise ValueError(
            f"{name} looks inside a model, which no server shows; give a model of this process, or use extractive"
        )


def _unasked(prompts: Sequence[str], tokens: int) -> Sequence[str]:
    raise ValueError("a reranker that asks in words needs a chat; use likelihood, or compress within a flow")

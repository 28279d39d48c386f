"""Reading documents before the question is asked, or taking up what was read and kept earlier."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.filesize import decimal

from longspan.contexts import folder
from longspan.errors import ContextError
from longspan.model import Model
from longspan.plan import Plan
from longspan.running.runner import Progress
from longspan.session import Session
from longspan.spans import Span


def can_wait(plan: Plan) -> bool:
    """Whether documents may be read before the question is known: not where a policy is guided by it."""
    return plan.policy is None or not plan.policy.guided


def reading_session(
    model: Model,
    plan: Plan,
    spans: Sequence[Span],
    *,
    keep: int,
    note: Callable[[str], None],
    progress: Callable[[Progress], None] | None,
    chunk: int = 2048,
    template: Mapping[str, Any] | None = None,
) -> Session:
    """A session that has read parts of documents and waits for a question.

    What the same model has read under the same plan and kept is taken up; otherwise it is read, and kept in the cache
    folder, where contexts then take at most `keep` bytes, oldest use first out. keep = 0: nothing is taken up or kept.
    note: told in one line what was taken up or kept, or why not. chunk: tokens that pass through the model at a time.
    template: variables of the chat template.
    An answer does not depend on what was kept.
    """
    session = model.session(plan, chunk=chunk, template=template)
    if keep == 0:
        return session.read(spans, more=True, progress=progress)
    path = folder.place(session.name(spans, more=True))
    if os.path.exists(path):
        try:
            restored = model.restore(path, plan)
        except ContextError as error:
            note(f"reading again: {error}")
        else:
            usage = restored.usage
            note(f"reused: {usage.prompt_tokens:,} tokens that took {usage.prefill_seconds:.1f} s to read")
            return restored
    session.read(spans, more=True, progress=progress)
    if session.usage.kv_bytes > keep:
        note(
            f"not kept: {decimal(session.usage.kv_bytes)} are more than the {decimal(keep)} for saved contexts"
        )
        return session
    try:
        size = session.save(path).stat().st_size
    except (ContextError, OSError) as error:
        note(f"not kept: {error}")
        return session
    note(f"kept for the next question: {decimal(size)}, see longspan cache list")
    try:
        folder.prune(keep)
    except ContextError as error:
        note(f"older contexts stay: {error}")
    return session

"""Reading documents before the question is asked, or taking up what was read and kept earlier."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.filesize import decimal

from longspan.contexts import folder
from longspan.contexts.snapshot import Snapshot
from longspan.errors import ContextError
from longspan.model import Model
from longspan.plan import Plan
from longspan.progress import Watcher
from longspan.running.source import Prompt
from longspan.session import Session


def can_wait(plan: Plan) -> bool:
    """Whether documents may be read before the question is known: not where a policy is guided by it."""
    return plan.policy is None or not plan.policy.guided


@contextmanager
def reading_session(
    model: Model,
    plan: Plan,
    prompt: Prompt,
    *,
    keep: int,
    note: Callable[[str], None],
    progress: Watcher | None,
    reserve: int = 0,
    chunk: int = 2048,
    template: Mapping[str, Any] | None = None,
) -> Iterator[Session]:
    """A session that has read parts of documents and waits for a question, which is asked within the block.

    What the same model has read under the same plan and kept is taken up; otherwise it is read and, when the block
    ends, however it ends, kept as it was before the question. It lies in the cache folder, where contexts then take at
    most `keep` bytes, oldest use first out. keep = 0: nothing is taken up or kept. note: told in one line what was
    taken up or kept, or why not; what cannot be kept, or is interrupted, raises nothing. prompt: what the documents
    have become. reserve: see `Session.read`. chunk: tokens that pass through the model at a time. template: variables
    of the chat template. An answer does not depend on what was kept.
    """
    session = model.session(plan, chunk=chunk, template=template)
    name = _name(session, prompt, note) if keep else ""
    kept = _taken_up(model, plan, name, note) if name else None
    if kept is not None:
        with kept:
            yield kept
        return
    with session:
        session.read(prompt, more=True, reserve=reserve, progress=progress)
        if not name:
            yield session
            return
        size = session.usage.kv_bytes
        if size > keep:
            note(f"not kept: {decimal(size)} are more than the {decimal(keep)} for saved contexts")
            yield session
            return
        snapshot = session.snapshot()
        try:
            yield session
        except KeyboardInterrupt:
            note("keeping what was read for the next question; interrupt again to leave it")
            raise
        finally:
            session.close()
            _keep(snapshot, name, keep, note)


def _name(session: Session, prompt: Prompt, note: Callable[[str], None]) -> str:
    """The name under which what is read is kept, empty for a model whose contexts cannot be told from another's."""
    try:
        return session.name(prompt, more=True)
    except ContextError as error:
        note(f"not kept: {error}")
        return ""


def _taken_up(model: Model, plan: Plan, name: str, note: Callable[[str], None]) -> Session | None:
    """The session that was kept under a name, None where there is none that can be used."""
    path = folder.place(name)
    if not os.path.exists(path):
        return None
    try:
        restored = model.restore(path, plan)
    except ContextError as error:
        note(f"reading again: {error}")
        return None
    usage = restored.usage
    note(f"reused: {usage.prompt_tokens:,} tokens that took {usage.prefill_seconds:.1f} s to read")
    return restored


def _keep(snapshot: Snapshot, name: str, keep: int, note: Callable[[str], None]) -> None:
    """Saves what was read, and says what became of it."""
    try:
        size = snapshot.save(folder.place(name)).stat().st_size
    except KeyboardInterrupt:
        note("not kept: interrupted")
        return
    except Exception as error:  # whatever it is, the answer is there
        note(f"not kept: {error}")
        return
    finally:
        snapshot.release()
    note(f"kept for the next question: {decimal(size)}, see longspan cache list")
    try:
        folder.prune(keep)
    except ContextError as error:
        note(f"older contexts stay: {error}")

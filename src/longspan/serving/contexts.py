"""Contexts of a server: in memory while there is room, on disk, and as text whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from longspan.errors import ContextError, LongspanError
from longspan.model import Model
from longspan.serving.desk import Kept
from longspan.serving.keeping import owned
from longspan.serving.past import Past
from longspan.serving.refused import Refused
from longspan.serving.shelf import Shelf
from longspan.serving.worker import Worker
from longspan.session import Session


class Contexts:
    """What was read as contexts. shelf: where they are kept, None for memory alone. problems: a line each."""

    def __init__(self, model: Model, worker: Worker, shelf: Shelf | None) -> None:
        self._model, self._worker, self._shelf = model, worker, shelf
        self._saving = ThreadPoolExecutor(1, thread_name_prefix="longspan-saving")
        self._pasts: dict[str, Past] = {}
        self._used: dict[str, float] = {}
        self._trouble = ""
        for past, used in shelf.pasts() if shelf is not None else ():
            self._pasts[past.id], self._used[past.id] = past, used

    def __len__(self) -> int:
        return len(self._pasts)

    @property
    def disk_bytes(self) -> int:
        """On the shelf."""
        return 0 if self._shelf is None else self._shelf.bytes

    @property
    def problems(self) -> Sequence[str]:
        """What does not go as it should."""
        return [self._trouble] if self._trouble else []

    def of(self, owner: str, name: str) -> Past:
        """A context. Raises Refused where this owner has none of that name."""
        return owned(self._pasts, owner, name)

    def kept(self, owner: str) -> list[Kept]:
        """Those of an owner, used last first."""
        mine = [past for past in list(self._pasts.values()) if past.owner == owner]
        mine.sort(key=lambda past: self._used[past.id], reverse=True)
        return [past.kept(self._used[past.id], self._where(past.id)) for past in mine]

    def keep(self, past: Past, session: Session, then: Callable[[str, tuple[str, ...]], None]) -> None:
        """Takes in what was read, on the worker's thread. then: told its id and what there is to say, once it is saved
        or cannot be."""
        held = sum(session.bytes_held)
        past = replace(past, tokens=session.seen[0], bytes=held, window=session.window)
        snapshot = None if self._shelf is None else session.snapshot()
        self._worker.prefixes.keep(past.id, session, pinned=snapshot is not None)
        self._pasts[past.id], self._used[past.id] = past, time.time()
        if snapshot is None or self._shelf is None:
            then(past.id, ())
            return
        shelf = self._shelf

        def save() -> None:
            notes: tuple[str, ...] = ()
            try:
                for gone in shelf.save(past, snapshot):
                    self._drop(gone)
                if past.id not in self._pasts:  # forgotten meanwhile
                    shelf.remove(past.id)
                self._trouble = ""
            except Exception as error:  # whatever it is, the context can be used while the server runs
                self._trouble = f"contexts are not kept on disk: {error}"
                notes = ("the context could not be kept on disk and is gone when the server ends",)
            self._on_worker(saved)
            then(past.id, notes)

        def saved() -> None:
            snapshot.release()
            self._worker.prefixes.unpin(past.id)

        self._saving.submit(save)

    async def gone_on_from(self, past: Past) -> Session | None:
        """A session that has read a context, for one request; None where only its text is left."""
        self._used[past.id] = time.time()
        session = await self._forked(past.id)
        if self._shelf is None or not self._shelf.holds(past.id):
            return session
        self._saving.submit(self._shelf.touch, past.id)
        if session is None:
            try:
                restored = await asyncio.to_thread(self._model.restore, self._shelf.path(past.id))
            except (ContextError, LongspanError, ValueError) as error:
                self._shelf.remove(past.id)
                self._trouble = f"a kept context could not be used and is read again: {error}"
                return None
            await asyncio.wrap_future(
                self._worker.call(
                    lambda: self._worker.prefixes.keep(past.id, restored, pinned=False), quick=True
                )
            )
            session = await self._forked(past.id)
        return session

    async def forget(self, owner: str, name: str) -> None:
        """Lets a context go. Raises Refused where this owner has none of that name."""
        self.of(owner, name)
        self._drop(name)
        if self._shelf is not None:
            await asyncio.to_thread(self._shelf.remove, name)

    def close(self) -> None:
        """Saves what is to be saved. Another server may then use the shelf."""
        self._saving.shutdown()
        if self._shelf is not None:
            self._shelf.close()

    async def _forked(self, name: str) -> Session | None:
        def fork() -> Session | None:
            session = self._worker.prefixes.named(name)
            return None if session is None else session.fork(of=[0])

        return await asyncio.wrap_future(self._worker.call(fork, quick=True))

    def _drop(self, name: str) -> None:
        self._pasts.pop(name, None)
        self._used.pop(name, None)
        self._on_worker(lambda: self._worker.prefixes.forget(name))

    def _on_worker(self, work: Callable[[], object]) -> None:
        try:
            self._worker.call(work, quick=True)
        except Refused:  # it is closed, and holds nothing any more
            return

    def _where(self, name: str) -> str:
        if self._worker.prefixes.holds(name):
            return "memory"
        return "disk" if self._shelf is not None and self._shelf.holds(name) else "text"

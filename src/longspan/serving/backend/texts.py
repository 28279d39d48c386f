"""Contexts of a desk that keeps them as text."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from longspan.serving.desk import Kept
from longspan.serving.keeping import about, claimed, owned, places, read, write
from longspan.serving.past import Past
from longspan.serving.refused import Refused


class Texts:
    """What was read, used last last. limit: bytes of all; those not used for longest go. folder: where they are written
    as well, None for memory alone; one process uses it at a time. Raises ContextError where it cannot be used."""

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self._limit, self._folder = limit, folder
        self._pasts: dict[str, Past] = {}
        self._used: dict[str, float] = {}
        self.trouble = ""
        if folder is not None:
            self._take(folder)

    def __len__(self) -> int:
        return len(self._pasts)

    @property
    def bytes(self) -> int:
        """Of all texts."""
        return sum(each.bytes for each in self._pasts.values())

    def of(self, owner: str, name: str) -> Past:
        """A context. Raises Refused where this owner has none of that name."""
        past = owned(self._pasts, owner, name)
        self._pasts[name] = self._pasts.pop(name)
        self._used[name] = time.time()
        if self._folder is not None:
            with suppress(OSError):
                os.utime(self._file(name))
        return past

    def kept(self, owner: str) -> list[Kept]:
        """Those of an owner, used last first."""
        mine = [each for each in reversed(self._pasts.values()) if each.owner == owner]
        return [each.kept(self._used[each.id], "text") for each in mine]

    def keep(self, past: Past) -> None:
        """Takes one in. Raises Refused for one that is larger than all may be together."""
        if past.bytes > self._limit:
            raise Refused(
                f"the context has {past.bytes:,} bytes, allowed are {self._limit:,} for all; make it of less text",
                kind="too_large",
                param="text",
            )
        self._pasts[past.id], self._used[past.id] = past, time.time()
        while self.bytes > self._limit:
            self._drop(next(iter(self._pasts)))
        if self._folder is not None:
            try:
                write(self._folder, past)
                self.trouble = ""
            except OSError as error:  # it can be used while the server runs
                self.trouble = f"contexts are not kept on disk: {error.strerror}"

    def forget(self, owner: str, name: str) -> None:
        """Lets one go. Raises Refused where this owner has none of that name."""
        self.of(owner, name)
        self._drop(name)

    def close(self) -> None:
        """Another server may then use the folder."""
        if self._folder is not None:
            self._claim.release()

    def _drop(self, name: str) -> None:
        del self._pasts[name], self._used[name]
        if self._folder is not None:
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return about(self._folder or Path(), name)

    def _take(self, folder: Path) -> None:
        self._claim = claimed(folder)
        for used, place in sorted((each.stat().st_mtime, each) for each in places(folder)):
            past = read(place)
            if past is None:
                place.unlink(missing_ok=True)
            else:
                self._pasts[past.id], self._used[past.id] = past, used

"""Contexts on disk, under a limit of bytes."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from longspan.contexts.snapshot import Snapshot
from longspan.errors import ContextError
from longspan.parameters import check_range
from longspan.serving.keeping import about, claimed, places, read, spelled, write
from longspan.serving.past import Past


class Shelf:
    """A folder with two files for each context: its keys and values, and what else is known of it.

    The second is written last and removed first, so that a context is there whole or not at all. limit: bytes of all.
    One process uses a folder at a time. Any thread may call. Raises ContextError where the folder cannot be used.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        check_range("limit", limit, 1)
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._claim = claimed(folder)

    def pasts(self) -> list[tuple[Past, float]]:
        """What is there, with when it was used. What does not fit together is removed."""
        found = []
        for place in places(self._folder):
            past = read(place)
            if past is None or not self._entries(past.id).exists():
                self._remove(place.stem)
                continue
            used, size = place.stat().st_mtime, self._entries(past.id).stat().st_size
            self._sizes[past.id] = size + place.stat().st_size
            found.append((past, used))
        for place in places(self._folder, ".safetensors"):
            if place.stem not in self._sizes:
                self._remove(place.stem)
        return found

    @property
    def bytes(self) -> int:
        """On the disk."""
        return sum(self._sizes.values())

    def holds(self, name: str) -> bool:
        """Whether a context is there."""
        return name in self._sizes

    def path(self, name: str) -> Path:
        """The file with its keys and values, for `Model.restore`."""
        return self._entries(name)

    def save(self, past: Past, snapshot: Snapshot) -> list[str]:
        """Puts a context there, and returns those that had to go for it, used least lately.

        Raises ContextError where it cannot be written, or is larger than the limit.
        """
        needed = past.bytes + len(spelled(past))
        if needed > self._limit:
            raise ContextError(
                f"a context of {needed / 1e6:.0f} MB is more than the {self._limit / 1e6:.0f} MB for all contexts; "
                "give them more room on the disk"
            )
        with self._lock:
            gone = self._make_room(needed, past.id)
            try:
                snapshot.save(self._entries(past.id))
                write(self._folder, past)
            except BaseException as error:
                self._remove(past.id)
                if isinstance(error, OSError):
                    raise ContextError(
                        f"a context cannot be kept on disk ({error.strerror}); free some space"
                    ) from None
                raise
            self._sizes[past.id] = needed - past.bytes + self._entries(past.id).stat().st_size
            return [*gone, *self._make_room(0, past.id)]  # the file holds a little besides keys and values

    def touch(self, name: str) -> None:
        """A context is used."""
        with suppress(OSError):
            os.utime(self._about(name), (now := time.time(), now))

    def remove(self, name: str) -> None:
        """A context goes."""
        with self._lock:
            self._remove(name)

    def close(self) -> None:
        """Another server may use the folder."""
        self._claim.release()

    def _make_room(self, needed: int, sparing: str) -> list[str]:
        used = {name: self._used(name) for name in self._sizes if name != sparing}
        gone = []
        for name in sorted(used, key=lambda each: used[each]):
            if self.bytes + needed <= self._limit:
                break
            self._remove(name)
            gone.append(name)
        return gone

    def _used(self, name: str) -> float:
        try:
            return self._about(name).stat().st_mtime
        except OSError:
            return 0.0

    def _remove(self, name: str) -> None:
        self._sizes.pop(name, None)
        for place in (self._about(name), self._entries(name)):
            with suppress(OSError):
                place.unlink(missing_ok=True)

    def _about(self, name: str) -> Path:
        return about(self._folder, name)

    def _entries(self, name: str) -> Path:
        return self._about(name).with_suffix(".safetensors")

"""Contexts of a desk that keeps them as text."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from longspan.atomic import replacing, sweep
from longspan.errors import ContextError
from longspan.serving.desk import Kept
from longspan.serving.past import Past
from longspan.serving.refused import Refused

_ID = re.compile(r"ctx_[0-9a-f]{32}\Z")


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
        past = self._pasts.get(name)
        if past is None or past.owner != owner:
            raise Refused(
                f"no context {name[:80]!r}; list yours with GET /v1/contexts",
                kind="missing",
                code="context_not_found",
                param="longspan.context",
            )
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
                with replacing(self._file(past.id), private=True) as file:
                    file.write(json.dumps(past.to_dict()).encode("utf-8", "surrogatepass"))
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
        return (self._folder or Path()) / f"{name}.json"

    def _take(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim = FileLock(folder / "lock", timeout=0, thread_local=False)
            self._claim.acquire()
            sweep(folder)
            found = sorted((each.stat().st_mtime, each) for each in folder.glob("ctx_*.json"))
        except Timeout:
            raise ContextError(
                f"{folder} is used by another server; give this one a folder of its own for contexts"
            ) from None
        except OSError as error:
            raise ContextError(
                f"{folder} cannot be used for contexts ({error.strerror}); give another folder"
            ) from None
        for used, place in found:
            try:
                past = Past.from_dict(json.loads(place.read_text("utf-8", "surrogatepass")))
                if past.id != place.stem or not _ID.match(past.id):
                    raise ValueError(past.id)
            except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
                place.unlink(missing_ok=True)
                continue
            self._pasts[past.id], self._used[past.id] = past, used

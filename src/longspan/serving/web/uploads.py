"""Files that clients leave on a server, each its owner's alone, under names that the server makes."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from longspan.atomic import replacing
from longspan.serving.refused import Refused


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file. name: what its owner calls it, which is only shown. created, expires: seconds since 1970."""

    id: str
    owner: str
    name: str
    purpose: str
    bytes: int
    created: float
    expires: float | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= time.time()


class Uploads:
    """What was left, until the server ends. room, count: bytes and files that an owner may leave; total: bytes of all.

    folder: where it lies, by default one of the system's for temporary files.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        room: int = 2**30,
        count: int = 1000,
        total: int = 10 * 2**30,
    ) -> None:
        self._kept = TemporaryDirectory(prefix="longspan-files-", dir=folder)
        self._room, self._count, self._total = room, count, total
        self._lock = threading.Lock()
        self._held: dict[str, Upload] = {}

    def put(
        self, owner: str, name: str, purpose: str, content: BinaryIO, size: int, expires: float | None
    ) -> Upload:
        """Takes a file in. Raises Refused where there is no room for it."""
        upload = Upload(
            id=f"file-{secrets.token_hex(16)}",
            owner=owner,
            name=name,
            purpose=purpose,
            bytes=size,
            created=time.time(),
            expires=expires,
        )
        with self._lock:
            self._sweep()
            self._refuse_too_much(upload)
            self._held[upload.id] = upload
        try:
            with replacing(self._path(upload), private=True) as file:
                shutil.copyfileobj(content, file)
        except BaseException as error:
            self._remove(upload)
            if isinstance(error, OSError):
                raise Refused(
                    f"the file cannot be kept ({error.strerror or 'the disk fails'}); try again later",
                    kind="overloaded",
                    code="disk_full",
                    retry_after=60,
                ) from None
            raise
        return upload

    def of(self, owner: str, name: str) -> Upload:
        """A file by its id. Raises Refused where this owner has none of that id."""
        upload = self._held.get(name)
        if upload is None or upload.owner != owner or upload.expired:
            raise Refused(
                f"no file {name[:80]!r}; list yours with GET /v1/files", kind="missing", code="file_not_found"
            )
        return upload

    def listed(self, owner: str) -> Sequence[Upload]:
        """Those of an owner, the newest first."""
        mine = [each for each in list(self._held.values()) if each.owner == owner and not each.expired]
        return sorted(mine, key=lambda each: each.created, reverse=True)

    def opened(self, upload: Upload) -> BinaryIO:
        """What is in a file, to be read and closed. Raises Refused where it is gone."""
        try:
            return self._path(upload).open("rb")
        except OSError:
            raise Refused(
                f"the file {upload.id!r} is gone; send it again", kind="missing", code="file_not_found"
            ) from None

    def delete(self, owner: str, name: str) -> None:
        """Lets a file go. Raises Refused where this owner has none of that id."""
        self._remove(self.of(owner, name))

    def close(self) -> None:
        """Removes all of it."""
        self._kept.cleanup()

    def _refuse_too_much(self, upload: Upload) -> None:
        mine = [each for each in self._held.values() if each.owner == upload.owner]
        taken = sum(each.bytes for each in mine)
        if len(mine) >= self._count or taken + upload.bytes > self._room:
            raise Refused(
                f"your {len(mine):,} files of {taken:,} bytes leave no room for {upload.bytes:,} more; allowed are "
                f"{self._count:,} files of {self._room:,} bytes together: delete some with DELETE /v1/files/ID",
                kind="too_large",
                code="quota_exceeded",
            )
        if sum(each.bytes for each in self._held.values()) + upload.bytes > self._total:
            raise Refused(
                "the server has no room for more files; try again later",
                kind="overloaded",
                code="disk_full",
                retry_after=60,
            )

    def _sweep(self) -> None:
        for each in [each for each in self._held.values() if each.expired]:
            self._remove(each)

    def _remove(self, upload: Upload) -> None:
        self._held.pop(upload.id, None)
        with suppress(OSError):
            self._path(upload).unlink(missing_ok=True)

    def _path(self, upload: Upload) -> Path:
        return Path(self._kept.name) / upload.id

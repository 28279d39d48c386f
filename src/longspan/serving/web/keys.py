"""Who asks: keys of clients, of which only digests are held."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from collections.abc import Sequence

from starlette.datastructures import Headers

from longspan.serving.refused import Refused

NOBODY = "local"
"""Who asks where no key is needed."""
FAILURES = 30
"""Wrong keys from one address within a minute after which it has to wait."""


class Keys:
    """The keys that open a server; none where everybody may ask."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        if any(len(each) < 8 for each in keys):
            raise ValueError("a key has fewer than 8 characters; use a longer one")
        self._digests = [_digest(each.encode()) for each in keys]
        self._failed: dict[str, deque[float]] = {}

    def __bool__(self) -> bool:
        return bool(self._digests)

    def owner(self, headers: Headers, address: str) -> str:
        """Who asks, told by a digest of the key. Raises Refused without one that is known.

        All keys are compared, in a time that says nothing of them.
        """
        if not self._digests:
            return NOBODY
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        digest = _digest(given.encode("latin-1", "replace"))
        known = [hmac.compare_digest(digest, each) for each in self._digests]
        if given and any(known):
            return digest.hex()[:32]
        self._note(address)
        said = "the key is not known" if given else "no key was given"
        raise Refused(
            f"{said}; send one of this server's as 'Authorization: Bearer KEY'", kind="unauthenticated"
        )

    def _note(self, address: str) -> None:
        """Counts a failure. Raises Refused where there were too many."""
        now = time.monotonic()
        if len(self._failed) > 10_000:
            self._failed.clear()
        times = self._failed.setdefault(address, deque(maxlen=FAILURES))
        if len(times) == FAILURES and now - times[0] < 60:
            raise Refused(
                "too many wrong keys; try again later", kind="rate", retry_after=60 - (now - times[0])
            )
        times.append(now)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()

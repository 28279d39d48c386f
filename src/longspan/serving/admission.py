"""How much a server takes on: bytes that may be held, and how many may wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.seam.seam import Seam
from longspan.serving.job import Job
from longspan.serving.refused import Refused


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server gives to a request, and to all. chunk: see `Worker`. answer: tokens, where a client names none.
    memory: bytes of keys and values. waiting, each: see `Admission`. seconds: that a request may take."""

    chunk: int = 256
    answer: int = 1024
    memory: int = 2**32
    waiting: int = 64
    each: int = 32
    seconds: float = 3600.0


def bytes_a_token(seam: Seam) -> int:
    """Of keys and values, as the model makes them."""
    size = seam.network.dtype.itemsize
    return sum(2 * each.kv_heads * each.head_dim * size for each in seam.layers)


class Admission:
    """limit: bytes of keys and values that may be held. waiting: jobs that may wait; each: of one owner."""

    def __init__(self, *, limit: int, waiting: int = 64, each: int = 32) -> None:
        check_range("limit", limit, 1)
        check_range("waiting", waiting, 1)
        check_range("each", each, 1)
        self.limit, self._waiting, self._each = limit, waiting, each
        self._pace = 1.0
        self.rejected: Counter[str] = Counter()

    def check(self, job: Job, waiting: Sequence[Job]) -> None:
        """Raises Refused where a job can never be done, or too many wait."""
        if job.bytes > self.limit:
            self.rejected["memory"] += 1
            raise Refused(
                f"prompt and answer may take {job.bytes / 2**20:,.0f} MiB of memory, allowed are "
                f"{self.limit / 2**20:,.0f}; ask for less, or give the server more memory",
                code="too_much_memory",
                param="max_tokens",
            )
        mine = sum(each.owner == job.owner for each in waiting)
        if mine >= self._each:
            self.rejected["owner"] += 1
            raise Refused(
                f"{mine} of your requests wait already; try again later",
                kind="rate",
                code="rate_limit_exceeded",
                retry_after=self._drain(mine),
            )
        if len(waiting) >= self._waiting:
            self.rejected["queue"] += 1
            raise Refused(
                f"{len(waiting)} requests wait already; try again later",
                kind="overloaded",
                code="overloaded",
                retry_after=self._drain(len(waiting)),
            )

    def fits(self, held: int, running: Iterable[Job], job: Job) -> bool:
        """Whether what a job may come to hold is there, beside all that others may."""
        growing = sum(max(0, each.bytes - _held(each)) for each in running)
        return held + growing + job.bytes <= self.limit

    def ended(self, job: Job) -> None:
        """A job has left, after so long."""
        if job.began:
            self._pace += 0.2 * (job.seconds - self._pace)

    def _drain(self, waiting: int) -> float:
        """Seconds after which so many will have been done, within what clients wait for."""
        return min(120.0, max(1.0, self._pace * waiting))


def _held(job: Job) -> int:
    return 0 if job.session is None else sum(job.session.bytes_held)

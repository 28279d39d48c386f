"""A request on its way through the worker."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.running.generation import Generation
from longspan.running.runner import Request
from longspan.serving.events import Used
from longspan.serving.refused import Refused
from longspan.serving.ticket import LocalTicket
from longspan.session import Session


@dataclass(kw_only=True, eq=False)
class Job:
    """What is to be read and said.

    ids: of the prompt behind `behind` tokens of a context that `session` has read, None for none. plan: as text. key:
    under which what it reads may be found again, "" for not at all. count: how many answers; 0 only reads. generation:
    how they are drawn. echo: whether likelihoods of the prompt are told. bytes: that it may come to hold. deadline:
    when it must be done, by the clock of `time.monotonic`. keeps: takes over the session that has read, and tells the
    ticket the end; None where nobody does. compacted: the plan under which what was read is compressed then. open:
    whether no policy acts because the prompt has ended. room: tokens that may follow a context.

    came, began, read_at: when it came, began, and had read its prompt, 0 where it has not. cached: tokens that were
    known. live: the answers that are not whole yet. unsaid: tokens of each that are no text yet. handed: whether its
    session was handed over. leaving: whether it ends when the pass ends in which it is; refused: why, None for nothing.
    """

    owner: str
    ids: Sequence[int]
    plan: str
    ticket: LocalTicket
    session: Session | None = None
    behind: int = 0
    context: str = ""
    key: str = ""
    count: int = 1
    generation: Generation = field(default_factory=lambda: Generation())
    echo: bool = False
    bytes: int = 0
    deadline: float
    keeps: Callable[[Session, Used], None] | None = None
    compacted: str = ""
    open: bool = False
    room: int = 0

    came: float = field(default_factory=time.monotonic)
    began: float = 0.0
    read_at: float = 0.0
    cached: int = 0
    requests: list[Request] = field(default_factory=list)
    live: dict[int, Request] = field(default_factory=dict)
    unsaid: Counter[int] = field(default_factory=Counter)
    told: int = 0
    handed: bool = False
    leaving: bool = False
    refused: Refused | None = None

    @property
    def total(self) -> int:
        """Tokens of the prompt, with what was read before."""
        return self.behind + len(self.ids)

    def used(self) -> Used:
        """What it took so far."""
        now, facts = time.monotonic(), dict[str, Any]()
        if self.session is not None:
            usage = self.session.usage
            facts = {
                "generated_tokens": usage.generated_tokens,
                "drafted_tokens": usage.drafted_tokens,
                "accepted_tokens": usage.accepted_tokens,
                "bytes_held": usage.kv_bytes,
                "decode_seconds": max(0.0, now - self.read_at) if self.read_at else 0.0,
            }
        began = self.began or now
        return Used(
            prompt_tokens=self.total,
            cached_tokens=self.cached,
            queue_seconds=began - self.came,
            prefill_seconds=(self.read_at or now) - began,
            **facts,
        )

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def close(self) -> None:
        """Gives its memory back."""
        if self.session is not None:
            self.session.close()

"""What was read before, found by what a prompt begins with."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from longspan.session import Session


def digests(key: str, ids: Sequence[int], block: int) -> Iterator[bytes]:
    """One for each whole block of a prompt, of all up to its end; so equal prompts have equal ones."""
    numbers = np.asarray(ids, dtype=np.int64)
    last = blake2b(key.encode(), digest_size=16).digest()
    for start in range(0, len(ids) - block + 1, block):
        last = blake2b(last + numbers[start : start + block].tobytes(), digest_size=16).digest()
        yield last


@dataclass(kw_only=True, eq=False)
class Known:
    """The beginning of a prompt, as a session that read it. behind: the name behind which it was read, "" for none.
    pinned: whether it must not be forgotten."""

    session: Session
    tokens: int
    used: float
    behind: str = ""
    pinned: bool = False


class Prefixes:
    """A radix tree over what was read, whose edges are blocks of tokens; a digest of the way down leads to a node.

    Nodes lie at whole blocks, where reading was cut into chunks anyway, so that a prompt that goes on from one gives
    the bits of one that was read alone. key: what else must be equal: whose it is, the plan, the rotation.

    What was read as a context lies here too, under its own name, and is gone on from at its very end.
    """

    def __init__(self, block: int) -> None:
        self.block = block
        self._nodes: dict[bytes | str, Known] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def longest(self, key: str, ids: Sequence[int]) -> Known | None:
        """The longest known beginning of a prompt that leaves a token to be read."""
        found = None
        for digest in digests(key, ids[: len(ids) - 1], self.block):
            found = self._nodes.get(digest, found)
        if found is not None:
            found.used = time.monotonic()
        return found

    def wants(self, key: str, ids: Sequence[int], tokens: int, whole: int) -> bool:
        """Whether the first tokens of a prompt of `whole` tokens are worth a node: every sixteenth, and the last."""
        block = self.block
        if tokens == 0 or tokens % block or tokens >= whole:
            return False
        step = max(1, whole // block // 16)
        return (tokens // block) % step == 0 or whole - tokens <= block

    def add(self, key: str, ids: Sequence[int], session: Session, *, behind: str = "") -> Known:
        """Takes in a session that read these tokens, whole blocks; it is closed where they are known already. behind:
        the name behind which it read them."""
        *_, last = digests(key, ids, self.block)
        known = self._nodes.get(last)
        if known is None:
            known = Known(session=session, tokens=len(ids), used=time.monotonic(), behind=behind)
            self._nodes[last] = known
        else:
            session.close()
        return known

    def keep(self, name: str, session: Session, *, pinned: bool) -> None:
        """Takes in a session under a name. pinned: whether it must not be forgotten until `unpin`."""
        if (before := self._nodes.pop(name, None)) is not None:
            before.session.close()
        used = time.monotonic()
        self._nodes[name] = Known(session=session, tokens=session.seen[0], used=used, pinned=pinned)

    def holds(self, name: str) -> bool:
        """Whether something lies under a name."""
        return name in self._nodes

    def named(self, name: str) -> Session | None:
        """The session of a name, None where it is not here (any more)."""
        known = self._nodes.get(name)
        if known is None:
            return None
        known.used = time.monotonic()
        return known.session

    def unpin(self, name: str) -> None:
        """What lies under a name may be forgotten from now on."""
        if name in self._nodes:
            self._nodes[name].pinned = False

    def forget(self, name: str) -> None:
        """Lets go what lies under a name, and what was read behind it."""
        for place, known in list(self._nodes.items()):
            if place == name or known.behind == name:
                self._nodes.pop(place).session.close()

    def sessions(self) -> Iterable[Session]:
        """Of all nodes."""
        return (each.session for each in self._nodes.values())

    def drop(self) -> bool:
        """Forgets the node that was not used for longest; the deepest of those that were used together. False if none
        may be forgotten."""
        free = [(each.used, -each.tokens, place) for place, each in self._nodes.items() if not each.pinned]
        if not free:
            return False
        self._nodes.pop(min(free)[2]).session.close()
        return True

    def clear(self) -> None:
        """Forgets all."""
        for each in self._nodes.values():
            each.session.close()
        self._nodes.clear()

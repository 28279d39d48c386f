"""What a plan holds, as its parts see one another when they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from longspan.parameters import Budget


class AnyPositions(Protocol):
    """What other parts may ask a position scheme."""

    @property
    def piece_count(self) -> int:
        """As in `Positions`."""

    @property
    def by_rank(self) -> bool:
        """As in `Positions`."""


class AnyDisposer(Protocol):
    """What other parts may ask the disposer of a policy."""

    def rest(self) -> object | None:
        """As in `Disposer`."""


class AnyPolicy(Protocol):
    """What other parts may ask a policy."""

    @property
    def budget(self) -> Budget:
        """As in `Policy`, like all that follows."""

    @property
    def min_entries(self) -> int: ...

    @property
    def observed(self) -> int: ...

    @property
    def tracking(self) -> object | None: ...

    @property
    def disposer(self) -> AnyDisposer: ...


class AnySelector(Protocol):
    """What other parts may ask a selector."""

    @property
    def surprised(self) -> bool:
        """As in `Selector`."""


class AnyCodec(Protocol):
    """What other parts may ask a codec."""

    @property
    def raw(self) -> bool:
        """As in `Codec`."""

    @property
    def observed(self) -> int:
        """As in `Codec`."""


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A part or None for each slot; a part's `check(plan)` looks at the others here."""

    positions: AnyPositions | None = None
    pattern: object | None = None
    policy: AnyPolicy | None = None
    selector: AnySelector | None = None
    codec: AnyCodec | None = None
    decode: object | None = None

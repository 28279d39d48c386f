"""What an operator of a server may set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from longspan.parameters import check_range


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a server faces its clients.

    keys: that open it, none where everybody may ask. hosts: names by which it may be called besides localhost and
    addresses in numbers; "*" for any. origins: of pages elsewhere that may ask. body: bytes of a request; upload: of
    one with a file. pace: bytes a second below which a body is given up. log: whether a line is written for each
    request; log_prompts: whether what was sent stands in it. ping: seconds of silence in a stream after which a sign of
    life is sent. folder: where responses are kept, and the key of compacted dialogues; None for memory alone.
    responses: bytes of them.
    """

    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    body: int = 32 * 2**20
    upload: int = 64 * 2**20
    pace: int = 1000
    log: bool = True
    log_prompts: bool = False
    ping: float = 15.0
    folder: Path | None = None
    responses: int = 256 * 2**20

    def __post_init__(self) -> None:
        for name in ("body", "upload", "pace", "responses"):
            check_range(name, getattr(self, name), 1)

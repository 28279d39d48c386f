"""How long work reports where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called while a model is fetched and converted.

    `step` is a short phrase for the user, `done` and `total` count bytes; `total` is None when it is unknown.
    """

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


def silent(step: str, done: int, total: int | None) -> None:
    """The progress of somebody who does not watch."""

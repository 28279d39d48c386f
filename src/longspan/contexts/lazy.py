"""Tensors that are made when they are asked for, one part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor


class LazyTensors(Mapping[str, Tensor]):
    """The tensors of several parts, under the part's name and their own.

    What is made is held only until another part is asked for, so that all of them together never are in memory.
    """

    def __init__(self, make: Mapping[str, Callable[[], dict[str, Tensor]]]) -> None:
        self._make = make
        self._held: tuple[str, dict[str, Tensor]] = ("", {})
        self._names = [(part, name) for part in make for name in self._part(part)]
        self._places = {f"{part}.{name}": (part, name) for part, name in self._names}

    def __getitem__(self, key: str) -> Tensor:
        part, name = self._places[key]
        return self._part(part)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _part(self, name: str) -> dict[str, Tensor]:
        if self._held[0] != name:
            self._held = ("", {})
            self._held = (name, self._make[name]())
        return self._held[1]

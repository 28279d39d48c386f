"""Tensors that are made when they are asked for, one parcel at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor


class Parcels(Mapping[str, Tensor]):
    """The tensors of several parcels, under the parcel's name and their own.

    What is made is held only until another parcel is asked for, so that all of them together never are in memory.
    """

    def __init__(self, make: Mapping[str, Callable[[], dict[str, Tensor]]]) -> None:
        self._make = make
        self._held: tuple[str, dict[str, Tensor]] = ("", {})
        self._names = [(parcel, name) for parcel in make for name in self._parcel(parcel)]
        self._places = {f"{parcel}.{name}": (parcel, name) for parcel, name in self._names}

    def __getitem__(self, key: str) -> Tensor:
        parcel, name = self._places[key]
        return self._parcel(parcel)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _parcel(self, name: str) -> dict[str, Tensor]:
        if self._held[0] != name:
            self._held = ("", {})
            self._held = (name, self._make[name]())
        return self._held[1]


def parcel(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one parcel, under their own names."""
    front = f"{name}."
    return {key[len(front) :]: tensors[key] for key in tensors if key.startswith(front)}

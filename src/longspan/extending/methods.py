"""The methods that factors can be searched for, and what each is scored on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from longspan.extending.longrope import LongRoPESpace
from longspan.extending.longrope2 import LongRoPE2Space
from longspan.extending.samples import Sample, Writer
from longspan.extending.space import Space


@dataclass(frozen=True, kw_only=True)
class Method:
    """space: made with rope= and scale=. write: so many samples, from a seed. samples: how many the paper has."""

    space: Callable[..., Space]
    write: Callable[[Writer, int, int], list[Sample]]
    samples: int


def _plain(writer: Writer, count: int, seed: int) -> list[Sample]:
    return writer.plain(count)


METHODS: dict[str, Method] = {
    "longrope": Method(space=LongRoPESpace, write=_plain, samples=5),
    "longrope2": Method(space=LongRoPE2Space, write=Writer.needles, samples=10),
}

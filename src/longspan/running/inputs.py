"""What a sequence is made of: tokens, and vectors that stand where tokens would.

Among token ids a vector is a `Row`: as a number −1, which no token has, and so whatever counts, cuts or copies ids does
the same with it. Only who embeds tokens, names contexts or saves them looks at what it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from longspan.spans import Span


@dataclass(frozen=True)
class Tokens:
    """Token ids that follow one another."""

    ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors that a model reads where it reads embeddings of tokens: soft tokens, an image, a compressed text.

    rows `[n, width]`, of the model's width, as its layers take them. digest: what tells them from others in the names
    of contexts; by default that of their numbers. span: the part of a document that they stand for, which quotes are
    then checked against.
    """

    rows: Tensor
    digest: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or not len(self.rows) or not self.rows.is_floating_point():
            raise ValueError(
                f"rows has shape {list(self.rows.shape)} and type {self.rows.dtype}, allowed is [n, width] of floating "
                "point numbers with n of 1 or more"
            )
        if not bool(torch.isfinite(self.rows).all()):
            raise ValueError("rows holds values that are no finite numbers")
        if not self.digest:
            numbers = self.rows.detach().float().cpu().contiguous().numpy()
            shape = repr(numbers.shape).encode()
            object.__setattr__(self, "digest", hashlib.sha256(shape + numbers.tobytes()).hexdigest())

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ids(self) -> list[int]:
        """What stands for them among token ids."""
        return [Row(vector, self.digest, place) for place, vector in enumerate(self.rows)]


class Row(int):
    """A vector `[width]` as it stands among token ids: the one at a place of those with a digest."""

    vector: Tensor
    digest: str
    place: int

    def __new__(cls, vector: Tensor, digest: str, place: int) -> Row:
        row = super().__new__(cls, -1)
        row.vector, row.digest, row.place = vector, digest, place
        return row


def rows_among(ids: Iterable[int]) -> tuple[Row, ...]:
    """The vectors among token ids, in their order."""
    return tuple(each for each in ids if isinstance(each, Row))


def segments(ids: Iterable[int]) -> list[Tokens | Vectors]:
    """What token ids and the vectors among them are: runs of tokens, and of vectors that were given together."""
    found: list[Tokens | Vectors] = []
    for digest, run in groupby(ids, key=lambda each: each.digest if isinstance(each, Row) else None):
        members = list(run)
        rows = rows_among(members)
        if digest is None:
            found.append(Tokens(tuple(members)))
        else:
            found.append(Vectors(torch.stack([row.vector for row in rows]), digest))
    return found


def named(ids: Iterable[int]) -> list[int | str]:
    """Token ids, and of vectors what tells them from others."""
    return [f"{each.digest}:{each.place}" if isinstance(each, Row) else each for each in ids]


def comparable(ids: Iterable[int]) -> list[tuple[int, str, int]]:
    """The same as things that have an order, which no two have in common that differ."""
    return [(each, each.digest, each.place) if isinstance(each, Row) else (each, "", 0) for each in ids]


def tensors_of(ids: Iterable[int]) -> dict[str, Tensor]:
    """The vectors among token ids `[k, width]`, with the digest and the place of each; empty for none."""
    rows = rows_among(ids)
    if not rows:
        return {}
    digests = [torch.tensor(list(row.digest.encode()), dtype=torch.uint8) for row in rows]
    return {
        "vectors": torch.stack([row.vector for row in rows]),
        "digests": pad_sequence(digests, batch_first=True),
        "places": torch.tensor([row.place for row in rows], dtype=torch.int32),
    }


def restored(ids: Iterable[int], tensors: Mapping[str, Tensor]) -> list[int]:
    """Ids with the vectors of `tensors_of` in their places. Raises ValueError where they are not as many."""
    vectors = tensors.get("vectors", torch.empty(0))
    rows = iter(range(len(vectors)))
    found = []
    for each in ids:
        if each < 0:
            if (number := next(rows, None)) is None:
                raise ValueError(f"there are only {len(vectors)} vectors among the tokens")
            digest = bytes(tensors["digests"][number].tolist()).rstrip(b"\0").decode()
            each = Row(vectors[number].clone(), digest, int(tensors["places"][number]))
        found.append(each)
    if next(rows, None) is not None:
        raise ValueError(f"there are {len(vectors)} vectors, more than places for them")
    return found

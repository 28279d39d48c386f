"""Forms of every codec, made ready, and vectors to put into them."""

import torch

from longspan.codecs.host import Host
from longspan.codecs.int4 import Int4
from longspan.codecs.int8 import Int8
from longspan.codecs.kivi import Kivi
from longspan.codecs.low_rank import LowRank
from longspan.codecs.mapped import Mapped
from longspan.codecs.million import Million
from longspan.codecs.think import Think

HEADS, DIM = 3, 16

CODECS = [
    Int8(),
    Int4(),
    Int4(group_size=4),
    Kivi(group_size=8),
    Kivi(bits=4, group_size=4),
    Million(nbits=4),
    Million(channels=1, nbits=2),
    Million(channels=4, nbits=4),
    Think(),
    LowRank(rank=5),
    Host(),
    Host(codec=Kivi(group_size=8)),
    Mapped(),
    Mapped(codec=Million(nbits=4)),
]


def vectors(count, *, heads=HEADS, dim=DIM, seed=0, dtype=torch.float32):
    """Random vectors `[heads, count, dim]`, some channels far from zero and some far larger than others."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.rand(heads, 1, dim, generator=generator) * 4 + 0.1
    middle = torch.randn(heads, 1, dim, generator=generator) * 3
    return (torch.randn(heads, count, dim, generator=generator) * size + middle).to(dtype)


def ready(codec, *, heads=HEADS, dim=DIM, dtype=torch.float32):
    """A form of the codec that has learned what it must, with two query heads to a KV head."""
    form = codec.form()
    if not form.ready:
        facts = {"dim": dim, "dtype": dtype}
        queries = vectors(codec.observed, heads=2 * heads, seed=9, **facts)
        form.learn(
            vectors(64, heads=heads, seed=7, **facts), vectors(64, heads=heads, seed=8, **facts), queries
        )
    return form


def every_row(heads=HEADS):
    return torch.arange(heads)


def nbytes(*columns):
    return sum(part.nbytes for each in columns for part in each)

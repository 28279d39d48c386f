"""What is no number stays none: attention never makes a plausible answer of a broken activation."""

import struct
from functools import cache

import pytest
import torch

from longspan.kernels import compiled, gathered, naive
from longspan.kernels.attention import attend
from longspan.kernels.block_index import BlockIndex
from longspan.kernels.regions import attend_entries, attend_tiles
from longspan.kernels.tiles import tiles

ROWS, DIM = 200, 24
NUMBERS = {
    "nan": torch.nan,
    "all bits": struct.unpack("f", b"\xff" * 4)[
        0
    ],  # no number either, as memory that nobody wrote to holds it
    "inf": torch.inf,
}


def _everything(query, key, value, softcap):
    own = torch.arange(-(-ROWS // 64))[:, None]
    visits = torch.arange(len(own)).expand(1, len(own), -1)
    index = BlockIndex(block=64, first=0, visits=visits.masked_fill(visits >= own, -1))
    return query, key, value, index, {"scale": 0.2, "softcap": softcap, "bounds": None}


def _compiled(query, key, value, softcap):
    *parts, rest = _everything(query, key, value, softcap)
    return compiled.attend(*parts, **rest)


def _gathered(query, key, value, softcap):
    *parts, rest = _everything(query, key, value, softcap)
    return gathered.attend(*parts, **rest)


def _dense(query, key, value, softcap):
    return attend(query, key, value, scale=0.2, causal=True, softcap=softcap)


def _tiles(query, key, value, softcap):
    low = (torch.arange(ROWS) - 150).clamp(min=0)
    cut = list(tiles(low.tolist(), (torch.arange(ROWS) + 1).tolist()))
    return attend_tiles(query, key, value, cut, scale=0.2, softcap=softcap).result(query.dtype)


def _entries(query, key, value, softcap):
    places = torch.arange(ROWS)
    positions = places.expand(len(key), -1)
    return attend_entries(
        query, key, value, positions, torch.zeros_like(places), places + 1, scale=0.2, softcap=softcap
    )


def _one_by_one(query, key, value, softcap):
    parts = [
        attend(query[:, row : row + 1], key[:, : row + 1], value[:, : row + 1], scale=0.2, softcap=softcap)
        for row in range(ROWS)
    ]
    return torch.cat([out for out, _ in parts], 1), torch.cat([lse for _, lse in parts], 1)


WAYS = [_gathered, _dense, _tiles, _entries, _one_by_one, *([_compiled] if compiled.library() else [])]


@pytest.mark.parametrize("where", ["query", "key", "value"])
@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("softcap", [None, 20.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[1:])
def test_what_sees_no_number_is_none(way, dtype, softcap, kind, where):
    if kind == "inf" and dtype is torch.bfloat16 and way not in (_compiled, _gathered):
        pytest.skip("PyTorch's own kernel makes finite numbers of infinite bf16 scores")
    out, _ = way(*_states(dtype, kind, where), softcap)
    broken = _broken(dtype, softcap, kind, where, width=151 if way is _tiles else ROWS)
    assert bool(broken.any()) or (kind == "inf" and softcap)
    assert bool((~out.isfinite().all(-1))[broken].all())


def _states(dtype, kind, where):
    """Query, key and value, of which one holds what is no number."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(heads, ROWS, DIM, generator=generator).to(dtype) for heads in (4, 2, 2))
    {"query": query, "key": key, "value": value}[where][1, 70, 5] = NUMBERS[kind]
    return query, key, value


@cache
def _broken(dtype, softcap, kind, where, width):
    """Which rows are no numbers by the formula over what each row sees, and over nothing else."""
    query, key, value = _states(dtype, kind, where)
    rows = []
    for row in range(ROWS):
        seen = slice(max(0, row + 1 - width), row + 1)
        out, _ = naive.attention(
            query[:, row : row + 1], key[:, seen], value[:, seen], scale=0.2, softcap=softcap
        )
        rows.append(out)
    return ~torch.cat(rows, 1).isfinite().all(-1)

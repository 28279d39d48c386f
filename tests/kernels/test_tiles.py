"""Tiles cover a region of query–key pairs exactly, and few of them."""

from hypothesis import given
from hypothesis import strategies as st

from longspan.kernels.tiles import Tile, tiles


@st.composite
def bounds(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Two bounds that never fall: mostly steps of 0 and 1, now and then a jump; low may pass high."""
    step = st.sampled_from([0, 0, 1, 1, 1, 2, 5])
    low, high = [draw(st.integers(0, 6))], [draw(st.integers(0, 14))]
    for down, up in draw(st.lists(st.tuples(step, step), max_size=24)):
        low.append(low[-1] + down)
        high.append(high[-1] + up)
    return low, high


@st.composite
def slopes(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Bounds as position schemes have them: long stretches of one slope each."""
    low, high = [draw(st.integers(0, 4))], [draw(st.integers(0, 20))]
    for down, up, count in draw(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1, 20)), max_size=3)
    ):
        low += [low[-1] + down * step for step in range(1, count + 1)]
        high += [high[-1] + up * step for step in range(1, count + 1)]
    return low, high


def pairs(tile: Tile) -> list[tuple[int, int]]:
    """The query–key pairs of a tile, as its docstring says."""
    found = []
    for row, query in enumerate(range(tile.q0, tile.q1)):
        first = tile.k0 + row if tile.shape == "reverse" else tile.k0
        last = tile.k0 + row if tile.shape == "causal" else tile.k1 - 1
        found += [(query, key) for key in range(first, last + 1)]
    return found


@given(bounds() | slopes())
def test_tiles_cover_the_region_once(bound):
    low, high = bound
    covered = [pair for tile in tiles(low, high) for pair in pairs(tile)]
    region = {(t, key) for t in range(len(low)) for key in range(low[t], high[t])}
    assert len(covered) == len(set(covered))
    assert set(covered) == region


@given(bounds() | slopes())
def test_triangles_are_square_and_no_tile_is_empty(bound):
    for tile in tiles(*bound):
        assert tile.q1 > tile.q0
        assert tile.k1 > tile.k0
        if tile.shape != "full":
            assert tile.q1 - tile.q0 == tile.k1 - tile.k0


def test_the_common_regions_are_few_tiles():
    rows = 1000
    causal = list(tiles([0] * rows, range(1, rows + 1)))
    assert causal == [Tile(0, rows, 0, rows, "causal")]
    after_a_past = list(tiles([0] * rows, range(501, rows + 501)))
    assert [(tile.shape, tile.k0, tile.k1) for tile in after_a_past] == [
        ("full", 0, 500),
        ("causal", 500, 1500),
    ]
    window = list(tiles(range(rows), range(2000, 2000 + rows)))
    assert sorted(tile.shape for tile in window) == ["causal", "full", "reverse"]


def test_no_query_is_no_tile():
    assert list(tiles([], [])) == []

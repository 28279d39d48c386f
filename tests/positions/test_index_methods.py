"""Index methods against the distance that their formula gives to each pair of tokens."""

import math

import pytest
import torch
from distances import PAIRS, UNSEEN, WINDOW, by_formula, dpe, lm_infinite, rerope, string
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.positions.base import Positions, Rope
from longspan.positions.dca import DCA
from longspan.positions.dpe import DPE
from longspan.positions.in_cache import InCache
from longspan.positions.lm_infinite import LMInfinite
from longspan.positions.rerope import ReRoPE
from longspan.positions.self_extend import SelfExtend
from longspan.positions.string import STRING
from longspan.running.placed import PlacedTokens

SCALES = st.lists(st.integers(1, 9), min_size=1, max_size=PAIRS).map(tuple)
METHODS = st.one_of(
    st.integers(1, 40).map(lambda width: (ReRoPE(near=width), rerope(width))),
    st.tuples(st.integers(0, 12), st.integers(1, 40)).map(
        lambda sizes: (LMInfinite(starting=sizes[0], local=sizes[1]), lm_infinite(*sizes))
    ),
    st.integers(1, 32)
    .flatmap(lambda shift: st.tuples(st.just(shift), st.integers(1, shift)))
    .map(lambda sizes: (STRING(shift=sizes[0], local=sizes[1]), string(*sizes))),
    st.tuples(SCALES, st.integers(1, 30)).map(
        lambda sizes: (DPE(scales=sizes[0], neighbour=sizes[1]), dpe(*sizes))
    ),
)


def rope(window: int = WINDOW) -> Rope:
    return Rope(inv_freq=torch.ones(PAIRS), magnitude=1.0, interleaved=False, theta=1e4, window=window)


def by_pieces(scheme: Positions, start: int, count: int) -> torch.Tensor:
    """The same as the scheme's pieces have it; a key that two pieces show fails."""
    found = torch.full((count, start + count, PAIRS), UNSEEN)
    keys = torch.arange(start + count)
    pieces = scheme.pieces(torch.arange(start, start + count), rope())
    assert len(pieces) == scheme.piece_count
    for piece in pieces:
        assert bool((piece.low.diff() >= 0).all())
        assert bool((piece.high.diff() >= 0).all())
        query, key = (
            x if x.dim() == 2 else x[:, None].expand(-1, PAIRS) for x in (piece.query, piece.keys(keys))
        )
        seen = (keys >= piece.low[:, None]) & (keys < piece.high[:, None])
        assert bool((found[seen] == UNSEEN).all())
        found[seen] = (query[:, None] - key)[seen]
    return found


@given(METHODS, st.integers(0, 90), st.integers(1, 30))
def test_pieces_show_the_distances_of_the_formula(method, start, count):
    scheme, shown = method
    assert torch.equal(by_pieces(scheme, start, count), by_formula(shown, start, count))


@given(METHODS)
def test_the_key_map_is_given_where_all_pieces_have_it(method):
    scheme, _ = method
    common = scheme.key_map(rope())
    assert (common is None) == (not isinstance(scheme, STRING))
    if common is not None:
        assert all(piece.keys is common for piece in scheme.pieces(torch.arange(9), rope()))


@given(st.integers(1, 32).flatmap(lambda shift: st.tuples(st.just(shift), st.integers(1, shift))))
def test_string_reaches_where_distances_end_that_were_trained(sizes):
    scheme = STRING(shift=sizes[0], local=sizes[1])
    last = scheme.window(WINDOW)
    assert by_formula(string(*sizes), last - 1, 1).max() == WINDOW - 1


@given(SCALES, st.integers(1, 30))
def test_dpe_reaches_where_its_largest_scale_leaves_the_trained_window(scales, neighbour):
    reached = DPE(scales=scales, neighbour=neighbour).window(WINDOW)
    assert by_formula(dpe((max(scales),), neighbour), reached - 1, 1).max() == WINDOW - 1


def test_schemes_that_bound_distances_have_no_window():
    for scheme in (ReRoPE(), LMInfinite(), InCache(), DPE(lengths=(64, 8), neighbour=4)):
        assert scheme.window(WINDOW) is None


def test_shares_are_of_the_trained_window():
    queries = torch.tensor([1000])
    for scheme, width in (
        (ReRoPE(), 128),
        (ReRoPE(near=0.125), 64),
        (LMInfinite(), 512),
        (STRING(), 168),
        (STRING(shift=0.25, local=0.1), 128),
    ):
        near = scheme.pieces(queries, rope(512))[0]
        assert int(near.high - near.low) == width


# Parameters.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rerope(near=0)", "rerope: near=0 is outside 1 .. ∞ tokens"),
        ("lm-infinite(starting=-1)", "lm-infinite: starting=-1 is outside 0 .. ∞"),
        ("lm-infinite(local=1.5)", "lm-infinite: local=1.5 is outside"),
        ("string(magnitude=0)", "string: magnitude=0.0 is outside 0.01"),
        ("dpe(scales=[])", r"dpe: scales=\(\) is empty"),
        ("dpe(scales=[2,0])", "dpe: scales=0 is outside 1 .. ∞"),
        ("dpe(lengths=[2,0])", "dpe: lengths=0 is outside 1 .. ∞"),
        ("dpe(neighbour=0)", "dpe: neighbour=0 is outside 1 .. ∞"),
        ("dca(temperature=-0.1)", "dca: temperature=-0.1 is outside 0.0 .. ∞"),
        ("dca(factor=0.5)", "dca: factor=0.5 is outside 1.0 .. ∞"),
    ],
)
def test_bad_parameters_are_refused(text, said):
    with pytest.raises(PlanError, match=said):
        Plan.parse(f"positions={text}")


@pytest.mark.parametrize(
    ("scheme", "sizes"),
    [(STRING(shift=8, local=9), "8 tokens and local=9"), (STRING(shift=33, local=4), "33 tokens")],
)
def test_shifts_that_do_not_fit_the_window_are_refused(scheme, sizes):
    with pytest.raises(PlanError, match=rf"string: in a window of 32, .* {sizes}.*choose local ≤ shift ≤ 32"):
        scheme.pieces(torch.arange(4), rope())


def test_lists_are_written_and_read():
    text = "positions=dpe(scales=[2,8,2,8,32,32,32,4],neighbour=512)"
    plan = Plan.parse(text)
    assert plan.positions == DPE(scales=(2, 8, 2, 8, 32, 32, 32, 4), neighbour=512)
    assert str(plan) == text


# What is fitted to the text.


@given(st.lists(st.integers(1, 500), min_size=8, max_size=8), st.integers(1, 5000))
def test_scales_bring_the_text_within_the_lengths(lengths, length):
    scheme = DPE(lengths=tuple(lengths)).fitted(length, WINDOW)
    assert all(
        scale * own >= length > (scale - 1) * own for scale, own in zip(scheme.scales, lengths, strict=True)
    )


def test_published_scales_are_those_of_their_lengths():
    published = (2, 8, 2, 8, 32, 32, 32, 4)
    scheme = DPE(lengths=tuple(131072 // scale for scale in published))
    assert scheme.fitted(131072, 8192).scales == published
    assert DPE(scales=published).fitted(500, 8192).scales == published


def test_lengths_are_measured_unless_something_was_given():
    asked = []

    def profile(name):
        asked.append(name)
        return torch.tensor([64.0, 32, 16, 8, 8, 16, 32, 64])

    assert DPE().measured(profile).fitted(64, WINDOW).scales == (1, 2, 4, 8, 8, 4, 2, 1)
    assert DPE().profile == "dimension-groups"
    assert asked == ["dimension-groups"]
    for given_ in (DPE(scales=(2,)), DPE(lengths=(9,))):
        assert given_.profile == ""
        assert given_.measured(profile) == given_
    with pytest.raises(ValueError, match=r"scales and lengths are None; give either"):
        DPE().fitted(64, WINDOW)
    with pytest.raises(ValueError, match=r"scales are None; call fitted"):
        DPE().pieces(torch.arange(4), rope())


@given(st.floats(0, 1), st.integers(1, 4000))
def test_dca_tempers_by_the_logarithm_of_the_length(temperature, length):
    queries = torch.arange(5)
    scheme = DCA(temperature=temperature).fitted(length, WINDOW)
    factor = scheme.query_scale(queries, 0, rope())
    expected = max(1.0, temperature * math.log(length / WINDOW) + 1)
    assert_close(torch.ones(5) if factor is None else factor, torch.full((5,), expected))
    if length <= WINDOW or temperature == 0:
        assert factor is None


def test_dca_keeps_a_factor_that_was_given_and_asks_for_one():
    queries = torch.arange(3)
    scheme = DCA(temperature=0.1, factor=4.0)
    assert scheme.fitted(99, WINDOW) == scheme
    assert_close(scheme.query_scale(queries, 0, rope()), torch.full((3,), 0.1 * math.log(4) + 1))
    assert DCA().fitted(99, WINDOW) == DCA()
    with pytest.raises(ValueError, match=r"factor is None, allowed 1\.0 or more; call fitted"):
        DCA(temperature=0.1).query_scale(queries, 0, rope())


@given(st.integers(0, 300), st.integers(1, 50), st.integers(2, 100))
def test_rerope_tempers_by_the_logarithm_of_the_place(start, count, window):
    queries = torch.arange(start, start + count)
    factor = ReRoPE().query_scale(queries, 0, rope(window))
    expected = [max(1.0, math.log(i + 1) / math.log(window)) for i in queries.tolist()]
    assert_close(factor, torch.tensor(expected))
    assert bool((factor[queries < window] == 1).all())
    assert ReRoPE(sharpen=False).query_scale(queries, 0, rope(window)) is None


@given(st.integers(1, 40), st.sampled_from([1, 2, 4, 8]), st.integers(0, 90), st.integers(1, 30))
def test_leaky_rerope_has_a_slope_beyond_its_width(width, slowdown, start, count):
    scheme = ReRoPE(near=width, slowdown=float(slowdown))
    keys, queries = torch.arange(start + count), torch.arange(start, start + count)
    for piece in scheme.pieces(queries, rope()):
        for row, i in enumerate(queries.tolist()):
            for j in range(int(piece.low[row]), int(piece.high[row])):
                near = i - j < width
                wanted = i - j if near else width + (i - j - width) / slowdown
                assert float(piece.query[row] - piece.keys(keys)[j]) == pytest.approx(wanted)
    farthest = scheme.window(WINDOW) - 1
    assert width >= WINDOW or width + (farthest - width) / slowdown <= WINDOW


@given(st.integers(2, 5000), st.integers(0, 20_000))
def test_self_extend_scales_queries_by_a_logarithm_where_asked(base, position):
    at = torch.tensor([position])
    assert SelfExtend().query_scale(at, 0, rope()) is None
    found = SelfExtend(scale_base=base).query_scale(at, 0, rope())
    assert float(found) == pytest.approx(max(1.0, math.log(position + 1) / math.log(base)), rel=1e-6)


def test_string_takes_its_shift_from_the_text_where_asked():
    asked = STRING(shift=0.33, local=4, of="text")
    assert asked.fitted(100, 200) == STRING(shift=33, local=4)
    assert asked.fitted(6, 200) == STRING(shift=4, local=4), "at least W"
    assert asked.fitted(10_000, 200) == STRING(shift=200, local=4), "at most the trained window"
    assert STRING(shift=0.33, local=4).fitted(100, 200) == STRING(shift=0.33, local=4)


@pytest.mark.parametrize(("chunk", "local"), [(0.75, 0.125), (0.5, 0.4), (1.0, 0.75)])
def test_dca_sees_older_chunks_where_the_one_before_ends(chunk, local):
    scheme, window = DCA(chunk=chunk, local=local), 400
    size = int(window * chunk)
    period = size - int(window * local)
    queries = torch.arange(5 * period)
    _, before, older = scheme.pieces(queries, rope(window))
    assert set(older.query.tolist()) == {min(2 * period - 1, size)}
    assert int(before.query.max()) == min(2 * period - 1, size)


@pytest.mark.parametrize("scheme", [DCA(temperature=0.1, factor=4.0), ReRoPE(), SelfExtend(scale_base=16)])
def test_tempered_queries_are_rounded_once(scheme):
    """In bf16 a query is scaled and turned in full, and then rounded."""
    rope = Rope(
        inv_freq=1 / 10000 ** (torch.arange(8) / 8),
        magnitude=1.0,
        interleaved=False,
        theta=10000.0,
        window=64,
    )
    span = PlacedTokens(scheme, rope, None, 100, 30, torch.device("cpu"))
    queries = torch.randn(2, 30, 16, generator=torch.Generator().manual_seed(0)).bfloat16()
    wide = span.turned(queries.float(), 3)
    query_scale = scheme.query_scale(torch.arange(100, 130), 3, rope)
    assert (query_scale > 1.01).all()
    assert_close(wide[0].norm(dim=-1), queries.float().norm(dim=-1) * query_scale)
    for found, expected in zip(span.turned(queries, 3), wide, strict=True):
        assert torch.equal(found, expected.bfloat16())

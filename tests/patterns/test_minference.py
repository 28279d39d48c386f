"""MInference, against loops over heads, lines and blocks."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.patterns.base import PatternView
from longspan.patterns.minference import KINDS, Estimate, MInference, Shape
from longspan.patterns.recall import recall
from longspan.plan import Plan
from scenes import scene
from tiny import stock_logits, tiny_model, tokens


def softmax_weights(query, key, scale, softcap=None):
    """Causal, `[heads, n, m]`."""
    rows, keys = query.shape[1], key.shape[1]
    scores = query @ key.repeat_interleave(len(query) // len(key), 0).mT * scale
    scores = scores if softcap is None else softcap * torch.tanh(scores / softcap)
    return scores.masked_fill(torch.ones(rows, keys).triu(keys - rows + 1).bool(), -torch.inf).softmax(-1)


def reading_of(query, key, *, scale=0.5, softcap=None, weights=None, profile=None):
    pieces = 1 if weights is None else 2
    weights = softmax_weights(query, key, scale, softcap) if weights is None else weights
    return PatternView(
        query=query,
        key=key,
        scene=scene(scale=scale, softcap=softcap, profile=lambda name: profile[name]),
        weights=lambda rows: weights[:, rows],
        pieces=pieces,
    )


def reading(rows, keys, *, kv_heads=2, group=2, dim=8, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(kv_heads * group, rows, dim, generator=generator)
    return reading_of(query, torch.randn(kv_heads, keys, dim, generator=generator), **changes)


def mask_of(index, heads, rows, keys):
    """What an index says, pair by pair; fails where it says a pair twice, or one that lies ahead."""
    mask = torch.zeros(heads, rows, keys, dtype=torch.int64)
    start, width = keys - rows, index.width or index.block
    for head in range(heads):
        for row in range(rows):
            own = (start + row) // index.block
            mask[head, row, own * index.block : start + row + 1] += 1
            for block in index.visits[head, own - index.first].tolist():
                if block >= 0:
                    assert (block + 1) * width <= own * index.block
                    mask[head, row, block * width : (block + 1) * width] += 1
            columns = [] if index.columns is None else index.columns[head, own - index.first].tolist()
            for column in columns:
                if column >= 0:
                    assert column < own * index.block
                    mask[head, row, column] += 1
    assert mask.max() == 1
    return mask.bool()


def top(scores, count):
    """Places of the highest."""
    return sorted(range(len(scores)), key=lambda place: -scores[place])[: max(0, count)]


def expected(pattern, read, shapes):
    """Who sees whom, bool `[heads, n, m]`. Lines are drawn with key blocks of half a query block."""
    rows, keys, block = read.query.shape[1], read.key.shape[1], pattern.block
    start = keys - rows
    mask = torch.zeros(len(read.query), rows, keys, dtype=torch.bool)
    weights = read.weights(slice(0, rows))
    width = block // 2 if any(shape.kind == "vertical-slash" for shape in shapes) else block
    owns = range(start // block, (keys - 1) // block + 1)
    for head, (kind, first, second) in enumerate(shapes):
        first, second = round(first), round(second)
        vertical, slash = [0.0] * keys, [0.0] * keys
        for row in range(max(0, rows - pattern.last), rows):
            for key in range(start + row + 1):
                vertical[key] += float(weights[head, row, key])
                slash[start + row - key] += float(weights[head, row, key])
        vertical[: pattern.sure_vertical] = [torch.inf] * len(vertical[: pattern.sure_vertical])
        slash[: pattern.sure_slash] = [torch.inf] * len(slash[: pattern.sure_slash])
        columns = top(vertical, max(first, pattern.sure_vertical))
        distances = top(slash, max(second, pattern.min_slash))
        for own in owns:
            seen = set()
            before = range(own * block)
            if kind == "a-shape":
                nearest = own * block - -(-second // width) * width
                seen = {key for key in before if key < -(-first // width) * width or key >= nearest}
            elif kind == "vertical-slash":
                places = range(own * block, (own + 1) * block)
                crossed = {(place - each) // width for place in places for each in distances}
                seen = {key for key in before if key // width in crossed} | {
                    c for c in columns if c in before
                }
            else:
                mine = [row for row in range(rows) if (start + row) // block == own]
                mean = read.query[head, mine].mean(0)
                scores = [
                    float(mean @ read.key[head // read.group, b * block : (b + 1) * block].mean(0))
                    for b in range(own)
                ]
                chosen = top(scores, first - 1)
                seen = {key for key in before if key // block in chosen}
            for row in range(rows):
                place = start + row
                if place // block == own:
                    mask[head, row, sorted(seen | set(range(own * block, place + 1)))] = True
    return mask


kinds = st.sampled_from(KINDS)
patterns = st.builds(
    MInference,
    last=st.integers(1, 30),
    sure_vertical=st.integers(0, 3),
    sure_slash=st.integers(0, 4),
    min_slash=st.integers(0, 6),
    block=st.sampled_from([16, 20]),
)


@given(
    patterns,
    st.lists(st.builds(Shape, kinds, st.integers(0, 60), st.integers(0, 60)), min_size=4, max_size=4),
    st.integers(1, 60),
    st.integers(0, 60),
    st.integers(0, 999),
)
def test_blocks_and_lines_are_those_of_loops(pattern, shapes, rows, past, seed):
    # Of lines that are sure, all are drawn; which of them come first where there is room for fewer, nobody says.
    wanted = [
        max(round(shape.second), pattern.min_slash) for shape in shapes if shape.kind == "vertical-slash"
    ]
    assume(all(each >= pattern.sure_slash for each in wanted))
    keys = rows + past
    read = reading(rows, keys, seed=seed)
    found = mask_of(Estimate(pattern, read).index(shapes), 4, rows, keys)
    assert torch.equal(found, expected(pattern, read, shapes))


@pytest.mark.parametrize("kind", KINDS)
def test_all_heads_get_the_pattern_that_was_asked_for(kind):
    sizes = {"vertical": 6, "slash": 9, "sinks": 20, "window": 10, "blocks": 3}
    pattern = MInference(patterns=kind, sure_vertical=2, sure_slash=3, block=16, ratio=2, **sizes)
    read = reading(70, 120)
    shape = {"a-shape": (40, 20), "vertical-slash": (12, 18), "block-sparse": (6, 0)}[kind]
    assert torch.equal(
        mask_of(pattern.index(read), 4, 70, 120), expected(pattern, read, [Shape(kind, *shape)] * 4)
    )
    assert pattern.profile == ""


def test_searched_heads_have_what_was_found():
    pattern = MInference(sure_vertical=2, sure_slash=3, block=16, ratio=0.5)
    assert pattern.profile == "patterns"
    found = torch.tensor(
        [[[0, 40, 20], [1, 24, 36], [2, 6, 0], [1, 2, 90], [9, 9, 9]]]
    )  # of 5 heads 4 are here
    read = reading(70, 120, profile={"patterns": found})
    shapes = [
        Shape("a-shape", 20, 10),
        Shape("vertical-slash", 12, 18),
        Shape("block-sparse", 3, 0),
        Shape("vertical-slash", 1, 45),
    ]
    assert torch.equal(mask_of(pattern.index(read), 4, 70, 120), expected(pattern, read, shapes))


@pytest.mark.parametrize("softcap", [None, 1.0])
def test_block_sparse_heads_have_lines_where_query_and_key_do_not_make_the_weights(softcap):
    sizes = {"blocks": 2, "vertical": 8, "slash": 8, "sure_vertical": 0, "sure_slash": 1, "block": 16}
    blocks, lines = (MInference(patterns=kind, **sizes) for kind in ("block-sparse", "vertical-slash"))
    read = reading(70, 120, softcap=softcap)
    assert not torch.equal(mask_of(blocks.index(read), 4, 70, 120), mask_of(lines.index(read), 4, 70, 120))
    others = softmax_weights(read.query.flip(1), read.key, read.scene.softmax.scale)
    read = reading_of(read.query, read.key, softcap=softcap, weights=others)
    assert torch.equal(mask_of(blocks.index(read), 4, 70, 120), mask_of(lines.index(read), 4, 70, 120))


PLANTED_KEYS, PLANTED_DISTANCE = [37, 401, 730], 299


def planted(rows, keys, seed=0):
    """Queries that look for some keys, and for the one that stands so far before them."""
    generator = torch.Generator().manual_seed(seed)
    code = torch.randn(keys + PLANTED_DISTANCE, 64, generator=generator)
    anyone = torch.randn(64, generator=generator)
    key = code[PLANTED_DISTANCE:].clone()  # key j answers to the query j + distance
    key[PLANTED_KEYS] += anyone
    query = code[:keys][-rows:] + anyone
    return reading_of(query[None], key[None], scale=0.2)


def test_planted_lines_are_found():
    rows, keys = 700, 1000
    read = planted(rows, keys)
    pattern = MInference(
        patterns="vertical-slash", vertical=3, slash=1, sure_vertical=0, sure_slash=0, min_slash=0, block=32
    )
    index = pattern.index(read)
    mask = mask_of(index, 1, rows, keys)[0]
    for row in range(0, rows, 7):
        assert mask[row, keys - rows + row - PLANTED_DISTANCE]
        assert all(mask[row, key] for key in PLANTED_KEYS if key <= keys - rows + row)
    assert int(mask.sum()) < 0.15 * int(torch.ones(rows, keys).tril(keys - rows).sum())
    assert recall(read.query, read.key, index, softmax=read.scene.softmax) > 0.9
    window = MInference(patterns="a-shape", sinks=32, window=96, block=32).index(read)
    assert recall(read.query, read.key, window, softmax=read.scene.softmax) < 0.3


def test_planted_blocks_are_found():
    generator = torch.Generator().manual_seed(0)
    topic = torch.randn(20, 64, generator=generator).repeat_interleave(32, 0)
    partner = [(7 * block) % 20 for block in range(20)]
    key = topic + torch.randn(640, 64, generator=generator)
    query = topic.unflatten(0, (20, 32))[partner].flatten(0, 1) + torch.randn(640, 64, generator=generator)
    pattern = MInference(patterns="block-sparse", blocks=2, block=32)
    index = pattern.index(reading_of(query[None], key[None]))
    for own in range(20):
        assert partner[own] >= own or index.visits[0, own].tolist() == [partner[own]]


# Sessions.

EVERYTHING = {
    "a-shape": "window=512",
    "vertical-slash": "vertical=512,slash=0",
    "block-sparse": "blocks=512",
}
FEW = "block=16,vertical=8,slash=8,blocks=3,sinks=16,window=32,sure_vertical=2,sure_slash=4"


@pytest.mark.parametrize("chunk", [50, 2048])
@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_for_everything_is_stock(kind, chunk):
    model, ids = tiny_model(), tokens(200)
    with model.session(
        f"pattern=minference(patterns={kind},block=16,{EVERYTHING[kind]})", chunk=chunk
    ) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


def test_all_distances_are_stock():
    model, ids = tiny_model(), tokens(200)
    plan = "pattern=minference(patterns=vertical-slash,block=16,vertical=0,slash=512)"
    with model.session(plan, chunk=64) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_few_blocks_and_lines_are_not_stock(kind):
    model, ids = tiny_model(), tokens(200)
    with model.session(f"pattern=minference(patterns={kind},{FEW})", chunk=64) as session:
        assert (session.logits(ids) - stock_logits(model.network, ids)).abs().max() > 1e-3


def test_under_several_pieces_block_sparse_heads_have_lines():
    model, ids = tiny_model(), tokens(200)
    found = {}
    for kind in KINDS:
        plan = f"pattern=minference(patterns={kind},{FEW}) positions=dca(chunk=0.1,local=0.02)"
        with model.session(plan) as session:
            found[kind] = session.logits(ids)
    assert torch.equal(found["block-sparse"], found["vertical-slash"])
    assert not torch.equal(found["a-shape"], found["vertical-slash"])


@pytest.mark.parametrize("plan", ["", "positions=dca(chunk=0.2,local=0.05)"])
def test_heads_are_searched_before_anything_is_read(plan):
    model, ids = tiny_model(), tokens(300)
    with model.session(f"pattern=minference(block=16,ratio=0.05,sure_slash=4) {plan}", chunk=128) as session:
        assert session.logits(ids).isfinite().all()


def test_sizes_are_checked():
    for text, message in (
        ("patterns=slash", "is not one of search, a-shape"),
        ("last=0", "last=0 is outside 1"),
        ("ratio=-1", "ratio=-1.0 is outside 0"),
        ("block=17", "block=17 is outside the multiples of 2"),
    ):
        with pytest.raises(ValueError, match=message):
            Plan.parse(f"pattern=minference({text})")

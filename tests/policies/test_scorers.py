"""Scores against loops, and what StreamingLLM keeps and shows."""

import math
import operator
import statistics
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kept import kept
from torch.testing import assert_close

from longspan.policies.keydiff import KeyDiff
from longspan.policies.knorm import Knorm
from longspan.policies.lagkv import LagKV
from longspan.policies.random import Random
from longspan.policies.snapkv import SnapKV
from longspan.policies.tova import TOVA
from longspan.policies.view import View
from naive_llama import causal, naive_logits
from scenes import scene, staged
from tiny import tiny_model, tokens


@st.composite
def views(draw: st.DrawFn) -> View:
    """Some rows of entries with gaps, the last queries, and no two scores alike."""
    rows, group, observed = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 6))
    seen = draw(st.integers(observed, 30))
    recent = list(range(seen - observed, seen))
    kept = [sorted({*draw(st.sets(st.integers(0, seen - 1), max_size=20)), *recent}) for _ in range(rows)]
    longest = max(map(len, kept))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    states = torch.randn(2, rows, longest, 4, generator=generator)
    for row, positions in enumerate(kept):
        states[:, row, len(positions) :] = 0
    return View(
        keys=states[0],
        values=states[1],
        positions=torch.tensor([row + [0] * (longest - len(row)) for row in kept]),
        lengths=[len(row) for row in kept],
        queries=torch.randn(rows * group, observed, 4, generator=generator),
        query_positions=torch.tensor(recent),
        scene=scene(seen=seen, scale=0.5),
    )


def naive_snapkv(view: View, row: int, window: int, kernel: int, pooling: str) -> list[float]:
    """The score of every entry of one row, entry by entry."""
    count, positions = view.lengths[row], view.positions[row].tolist()
    group = len(view.queries) // len(view.keys)
    inside = [position >= view.scene.seen - window for position in positions[:count]]
    scores = [0.0] * count
    for head in range(row * group, (row + 1) * group):
        received = [0.0] * count
        for number, at in enumerate(view.query_positions.tolist()):
            visible = [entry for entry in range(count) if positions[entry] <= at]
            products = view.keys[row, visible] @ view.queries[head, number] * view.scene.softmax.scale
            for entry, weight in zip(visible, products.softmax(0).tolist(), strict=True):
                received[entry] += weight / len(view.query_positions)
        received = [0.0 if inside[entry] else received[entry] for entry in range(count)]
        for entry in range(count):
            near = range(max(0, entry - kernel // 2), min(count, entry + kernel // 2 + 1))
            weights = [received[other] for other in near]
            scores[entry] += (max(weights) if pooling == "max" else sum(weights) / kernel) / group
    return [float("inf") if inside[entry] else scores[entry] for entry in range(count)]


@given(views(), st.sampled_from([1, 3, 5]), st.sampled_from(["max", "avg"]))
def test_snapkv_scores_are_those_of_a_loop(view, kernel, pooling):
    window = view.queries.shape[1]
    scores = SnapKV(window=window, kernel=kernel, pooling=pooling, budget=1.0).scores(view)
    for row, count in enumerate(view.lengths):
        expected = torch.tensor(naive_snapkv(view, row, window, kernel, pooling))
        assert_close(scores[row, :count], expected, atol=1e-6, rtol=1e-5)


@given(views())
def test_tova_scores_are_those_of_a_loop(view):
    scores = TOVA().scores(view)
    group, heads = len(view.queries) // len(view.keys), len(view.queries)
    received: dict[int, float] = {}
    for head in range(heads):
        row = head // group
        entries = range(view.lengths[row])
        products = view.keys[row, entries] @ view.queries[head, -1] * view.scene.softmax.scale
        for entry, weight in zip(entries, products.softmax(0).tolist(), strict=True):
            position = int(view.positions[row, entry])
            received[position] = received.get(position, 0.0) + weight / heads
    received[view.scene.seen - 1] = float("inf")
    for row, count in enumerate(view.lengths):
        expected = torch.tensor([received[position] for position in view.positions[row, :count].tolist()])
        assert_close(scores[row, :count], expected, atol=1e-6, rtol=1e-5)


@given(views())
def test_scores_from_keys_are_those_of_a_loop(view):
    norms, differences = Knorm().scores(view), KeyDiff().scores(view)
    for row, count in enumerate(view.lengths):
        keys = view.keys[row, :count].tolist()
        lengths = [math.hypot(*key) for key in keys]
        anchor = [
            sum(key[channel] / length for key, length in zip(keys, lengths, strict=True)) / count
            for channel in range(4)
        ]
        cosines = [
            sum(map(operator.mul, key, anchor)) / length / math.hypot(*anchor)
            for key, length in zip(keys, lengths, strict=True)
        ]
        assert_close(norms[row, :count], -torch.tensor(lengths), atol=1e-6, rtol=1e-5)
        assert_close(differences[row, :count], -torch.tensor(cosines), atol=1e-5, rtol=1e-5)


def test_norms_of_half_precision_keys_do_not_tie():
    keys = torch.linspace(1, 1.06, 200)[None, :, None].expand(1, -1, 64).bfloat16()
    keys = torch.cat((keys, torch.linspace(0, 1, 200)[None, :, None].bfloat16()), -1)
    scores = Knorm().scores(random_view([200], keys=keys))
    assert scores.dtype == torch.float32
    assert len(scores.unique()) > 2 * len(keys.norm(dim=-1).unique())


def random_view(lengths: list[int], *, seed: int = 0, keys: torch.Tensor | None = None, **facts) -> View:
    """Rows of the first tokens of a text, as many as given, without queries."""
    longest, generator = max(lengths), torch.Generator().manual_seed(seed)
    states = torch.randn(2, len(lengths), longest, 5, generator=generator)
    for row, length in enumerate(lengths):
        states[:, row, length:] = 0
    return View(
        **staged(
            {
                "keys": states[0] if keys is None else keys,
                "values": states[1],
                "positions": torch.arange(longest).expand(len(lengths), -1),
                "lengths": lengths,
                "queries": torch.empty(len(lengths), 0, 5),
                "query_positions": torch.empty(0, dtype=torch.long),
                "seen": longest,
                "scale": 0.5,
            }
            | facts
        )
    )


def naive_information(view: View, row: int, start: int, lag: int) -> list[float]:
    """Lag-relative information of each entry of the partition that begins at `start`."""
    total = [0.0] * lag
    for states in (view.keys[row].tolist(), view.values[row].tolist()):
        following = states[start + lag : start + 2 * lag]
        low, high = ([bound(channel) for channel in zip(*following, strict=True)] for bound in (min, max))
        spreads = [
            statistics.stdev(
                (x - least) / (most - least) for x, least, most in zip(entry, low, high, strict=True)
            )
            for entry in states[start : start + lag]
        ]
        raised = [math.exp(spread - max(spreads)) for spread in spreads]
        total = [mine + each / sum(raised) for mine, each in zip(total, raised, strict=True)]
    return total


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(0, 4),
    st.integers(4, 9),
    st.integers(0, 99),
)
def test_lagkv_ranks_each_partition_by_the_next_one(lengths, sinks, lag, seed):
    view = random_view(lengths, seed=seed)
    scores = LagKV(n_sink=sinks, lag_size=lag).scores(view)
    for row, count in enumerate(lengths):
        assert scores[row, :count].isposinf().tolist() == [entry < sinks for entry in range(count)]
        previous, start = torch.zeros(lag), sinks
        while start + 2 * lag <= count:
            ranks = scores[row, start : start + lag]
            information = torch.tensor(naive_information(view, row, start, lag))[ranks.argsort()]
            assert (information.diff() > -1e-5).all()
            assert_close(ranks.sort().values.diff(), torch.full((lag - 1,), 1 / lag))
            assert (previous < ranks.sort().values).all()
            assert (ranks.sort().values < torch.arange(1, lag + 1) / lag).all()
            previous, start = ranks.sort().values, start + lag
        rest = scores[row, max(start, sinks) : count]
        assert (rest >= 1).all()
        assert (rest.diff() > 0).all()


def test_lagkv_takes_channels_that_do_not_vary():
    view = random_view([30], keys=torch.ones(1, 30, 5))
    assert LagKV(n_sink=2, lag_size=6).scores(view)[0, 2:].isfinite().all()


def test_random_scores_are_spread_evenly_and_tell_seeds_layers_and_heads_apart():
    def score(seed, layer):
        return Random(seed=seed).scores(random_view([4000] * 3, layer=layer))

    rows = [*score(0, 0), *score(1, 0), *score(0, 1), *score(2**24 - 1, 30)]
    for row in rows:
        assert len(row.unique()) == 4000
        shares = row.histc(bins=20, min=0, max=1) / 200
        assert 0.6 < shares.min() <= shares.max() < 1.4
        assert torch.stack((row[:-1], row[1:])).corrcoef()[0, 1].abs() < 0.06  # no order along the text
    together = torch.stack(rows).corrcoef().fill_diagonal_(0)
    assert together.abs().max() < 0.08
    assert torch.equal(score(1, 3), score(1, 3))


@pytest.mark.parametrize("chunk", [7, 30, 2048])
def test_a_random_choice_does_not_depend_on_how_the_text_was_read(chunk):
    sets = []
    for when in ("end", "chunk"):
        with tiny_model().session(f"policy=random(budget=24,seed=5,when={when})", chunk=chunk) as session:
            session.read(tokens(70))
            sets.append(kept(session.read(tokens(50, seed=1))))
    assert sets[0] == sets[1]
    assert {len(row) for layer in sets[0] for row in layer} == {24}
    flat = [tuple(row) for layer in sets[0] for row in layer]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("chunk", [1, 7, 32, 2048])
@pytest.mark.parametrize("when", ["end", "chunk"])
def test_streamingllm_keeps_the_first_and_the_last(when, chunk):
    with tiny_model().session(f"policy=streamingllm(budget=24,sinks=3,when={when})", chunk=chunk) as session:
        session.read(tokens(60))
        assert kept(session) == [[[0, 1, 2, *range(39, 60)]] * 2] * 3
        session.read(tokens(40, seed=1))
        assert kept(session) == [[[0, 1, 2, *range(79, 100)]] * 2] * 3


@pytest.mark.parametrize("plan", ["", "positions=self-extend(group=4,neighbour=8)", "codec=int8"])
@pytest.mark.parametrize("chunk", [1, 16])
def test_every_chunk_sees_what_was_kept_and_itself(chunk, plan):
    model, ids = tiny_model(), tokens(72)
    visible = causal(72)
    remembered = []
    for start in range(0, 72, chunk):
        fresh = list(range(start, min(start + chunk, 72)))
        forgotten = sorted({*range(start)} - {*remembered})
        visible[fresh[0] : fresh[-1] + 1, forgotten] = False
        remembered += fresh
        if len(remembered) > 24:
            remembered = remembered[:4] + remembered[-20:]
    relative = None
    if "self-extend" in plan:
        i, j = torch.arange(72)[:, None], torch.arange(72)
        relative = torch.where(i - j < 8, i - j, i // 4 + 8 - 2 - j // 4)
    expected = naive_logits(model.network, ids, visible, relative)
    with model.session(f"{plan} policy=streamingllm(budget=24,sinks=4,when=chunk)", chunk=chunk) as session:
        logits = session.logits(ids)
    if "int8" in plan:
        assert (logits - expected).norm() < 0.02 * expected.norm()
    else:
        assert_close(logits, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "positions", ["stock", "self-extend(group=4,neighbour=32)", "dca(chunk=0.1,local=0.02)"]
)
@pytest.mark.parametrize("count", [40, 46, 100])
def test_what_is_kept_at_the_end_does_not_depend_on_the_chunks(positions, count):
    sets = []
    for chunk in (2048, 8):
        plan = f"positions={positions} policy=snapkv(budget=0.5,window=12,kernel=3)"
        with tiny_model().session(plan, chunk=chunk) as session:
            sets.append(kept(session.read(tokens(count))))
    assert sets[0] == sets[1]


@cache
def read(family, plan):
    """What is generated after a text, and the logits of five tokens more."""
    with tiny_model(family).session(plan, chunk=16) as session:
        session.read(tokens(100))
        made = [step.token for step in session.generate(max_new_tokens=20)]
        return made, session.logits(tokens(100)[:5])


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize(
    "policy", ["snapkv(budget=1.0,window=8", "streamingllm(budget=1.0", "adakv(budget=500,window=8"]
)
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_a_full_budget_is_the_empty_plan_exactly(family, policy, when):
    (made, logits), (stock, stock_logits) = read(family, f"policy={policy},when={when})"), read(family, "")
    assert made == stock
    assert torch.equal(logits, stock_logits)

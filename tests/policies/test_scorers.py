"""SnapKV's scores and AdaKV's counts against loops, and what StreamingLLM keeps and shows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kept import kept
from torch.testing import assert_close

from longspan.policies.allocators.adakv import AdaKV
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.snapkv import SnapKV
from longspan.policies.view import View
from naive_llama import causal, naive_logits
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
    return View(
        keys=torch.randn(rows, longest, 4, generator=generator),
        values=torch.randn(rows, longest, 4, generator=generator),
        positions=torch.tensor([row + [0] * (longest - len(row)) for row in kept]),
        lengths=[len(row) for row in kept],
        queries=torch.randn(rows * group, observed, 4, generator=generator),
        query_positions=torch.tensor(recent),
        seen=seen,
        scale=0.5,
        layer=0,
        layers=1,
    )


def naive_snapkv(view: View, row: int, window: int, kernel: int) -> list[float]:
    """The score of every entry of one row, entry by entry."""
    count, positions = view.lengths[row], view.positions[row].tolist()
    group = len(view.queries) // len(view.keys)
    inside = [position >= view.seen - window for position in positions[:count]]
    scores = [0.0] * count
    for head in range(row * group, (row + 1) * group):
        received = [0.0] * count
        for number, at in enumerate(view.query_positions.tolist()):
            visible = [entry for entry in range(count) if positions[entry] <= at]
            products = view.keys[row, visible] @ view.queries[head, number] * view.scale
            for entry, weight in zip(visible, products.softmax(0).tolist(), strict=True):
                received[entry] += weight / len(view.query_positions)
        received = [0.0 if inside[entry] else received[entry] for entry in range(count)]
        for entry in range(count):
            near = range(max(0, entry - kernel // 2), min(count, entry + kernel // 2 + 1))
            scores[entry] += sum(received[other] for other in near) / kernel / group
    return [float("inf") if inside[entry] else scores[entry] for entry in range(count)]


@given(views(), st.sampled_from([1, 3, 5]))
def test_snapkv_scores_are_those_of_a_loop(view, kernel):
    window = view.queries.shape[1]
    scores = SnapKV(window=window, kernel=kernel, budget=1.0).scores(view)
    for row, count in enumerate(view.lengths):
        expected = torch.tensor(naive_snapkv(view, row, window, kernel))
        assert_close(scores[row, :count], expected, atol=1e-6, rtol=1e-5)


def naive_counts(scores: torch.Tensor, budget: int, floor: float) -> list[int]:
    """Every row's best within its floor, then the best of the layer, one by one."""
    safe = int(budget * floor)
    ranked = [row.argsort(descending=True).tolist() for row in scores]
    taken = {(row, entry) for row, order in enumerate(ranked) for entry in order[:safe]}
    everything = [
        (float(scores[row, entry]), row, entry) for row in range(len(scores)) for entry in ranked[row]
    ]
    for _, row, entry in sorted(everything, reverse=True):
        if len(taken) < budget * len(scores):
            taken.add((row, entry))
    return [sum(row == mine for row, _ in taken) for mine in range(len(scores))]


@given(st.integers(1, 4), st.integers(1, 30), st.data())
def test_heads_compete_for_the_budget(rows, entries, data):
    scores = torch.randn(
        rows, entries, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    )
    scores = scores * torch.arange(1, rows + 1)[:, None]
    budget, floor = data.draw(st.integers(1, entries)), data.draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    counts = AdaKV(floor=floor).counts(scores, budget, layer=0, layers=1)
    assert counts.tolist() == naive_counts(scores, budget, floor)
    assert int(counts.sum()) == budget * rows
    assert bool((counts >= int(budget * floor)).all())
    assert Uniform().counts(scores, budget, layer=0, layers=1).tolist() == [budget] * rows


@pytest.mark.parametrize("chunk", [1, 7, 64, 2048])
@pytest.mark.parametrize("when", ["end", "chunk"])
def test_streamingllm_keeps_the_first_and_the_last(when, chunk):
    with tiny_model().session(f"policy=streamingllm(budget=24,sinks=3,when={when})", chunk=chunk) as session:
        session.read(tokens(150))
        assert kept(session) == [[[0, 1, 2, *range(129, 150)]] * 2] * 3
        session.read(tokens(40, seed=1))
        assert kept(session) == [[[0, 1, 2, *range(169, 190)]] * 2] * 3


@pytest.mark.parametrize("plan", ["", "positions=self-extend(group=4,neighbour=8)", "codec=int8"])
@pytest.mark.parametrize("chunk", [1, 16])
def test_every_chunk_sees_what_was_kept_and_itself(chunk, plan):
    model, ids = tiny_model(), tokens(120)
    visible = causal(120)
    remembered = []
    for start in range(0, 120, chunk):
        fresh = list(range(start, min(start + chunk, 120)))
        forgotten = sorted({*range(start)} - {*remembered})
        visible[fresh[0] : fresh[-1] + 1, forgotten] = False
        remembered += fresh
        if len(remembered) > 24:
            remembered = remembered[:4] + remembered[-20:]
    relative = None
    if "self-extend" in plan:
        i, j = torch.arange(120)[:, None], torch.arange(120)
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


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize(
    "policy", ["snapkv(budget=1.0,window=8", "streamingllm(budget=1.0", "adakv(budget=500,window=8"]
)
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_a_full_budget_is_the_empty_plan_exactly(family, policy, when):
    model, ids = tiny_model(family), tokens(100)

    def read(plan):
        with model.session(plan, chunk=16) as session:
            session.read(ids)
            made = [step.token for step in session.generate(max_new_tokens=20)]
            return made, session.logits(ids[:5])

    (made, logits), (stock, stock_logits) = read(f"policy={policy},when={when})"), read("")
    assert made == stock
    assert torch.equal(logits, stock_logits)

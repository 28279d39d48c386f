"""How budgets are shared: heads that compete, pyramids over the layers."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from kept import kept
from sight import sight

from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.policies.allocators.adakv import AdaKV
from longspan.policies.allocators.pyramid import Pyramid
from longspan.policies.allocators.uniform import Uniform
from tiny import tiny_model, tokens


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
    counts = AdaKV(floor=floor, rule="guard").counts(scores, budget, sight())
    assert counts.tolist() == naive_counts(scores, budget, floor)
    assert int(counts.sum()) == budget * rows
    assert bool((counts >= int(budget * floor)).all())
    # The authors' rule, among entries that need not stay: a part of what the best of the layer give each row, and
    # the rest in equal parts.
    window = data.draw(st.integers(0, entries))
    best = naive_counts(scores, budget, 0.0)
    blended = [round((1 - floor) * count + floor * budget) for count in best]
    observed = torch.cat((scores, torch.full((rows, window), torch.inf)), 1)
    counts = AdaKV(floor=floor).counts(observed, budget + window, sight())
    assert counts.tolist() == [count + window for count in blended]
    assert abs(int(counts.sum()) - (budget + window) * rows) <= rows / 2
    assert Uniform().counts(scores, budget, sight()).tolist() == [budget] * rows


def pyramid(allocator: Pyramid, budget: int, *, seen: int, window: int, layers: int) -> list[int]:
    """The budgets of all layers."""
    return [
        allocator.layer_budget(budget, sight([range(seen)], observed=window, layer=layer, layers=layers))
        for layer in range(layers)
    ]


def test_a_pyramid_falls_from_the_first_layer_to_the_last():
    # C/β = 100/20 = 5 in the last layer, 2 · 100 − 5 in the first.
    assert pyramid(Pyramid(base=0), 100, seen=1000, window=4, layers=5) == [195, 148, 100, 52, 5]
    # The first layer cannot have more than the 150 tokens before the window.
    assert pyramid(Pyramid(base=0), 100, seen=154, window=4, layers=5) == [150, 125, 100, 75, 50]
    # The authors' way: 8 for each layer, and a pyramid of the other 92.
    assert pyramid(Pyramid(), 100, seen=1000, window=8, layers=2) == [187, 13]
    # Their runs at 128: from 242 in the first layer to about 13 in the last, which is window + 120 / 20.
    shares = pyramid(Pyramid(), 128, seen=3000, window=8, layers=32)
    assert (shares[0], shares[-1], sum(shares)) == (242, 14, 128 * 32)


def test_a_pyramid_is_even_where_the_window_would_not_fit():
    assert pyramid(Pyramid(base=0), 100, seen=1000, window=6, layers=3) == [100] * 3
    assert pyramid(Pyramid(base=6), 100, seen=1000, window=6, layers=3) == [189, 100, 11]
    assert pyramid(Pyramid(base=0), 100, seen=102, window=4, layers=3) == [100] * 3
    assert pyramid(Pyramid(), 7, seen=1000, window=0, layers=3) == [7] * 3
    assert pyramid(Pyramid(), 50, seen=1000, window=0, layers=1) == [50]


@given(
    st.integers(1, 400),
    st.integers(1, 600),
    st.integers(0, 40),
    st.integers(1, 40),
    st.integers(0, 60),
    st.floats(1, 50),
)
def test_a_pyramid_has_the_mean_of_its_budget_and_room_for_the_window(
    budget, seen, window, layers, base, beta
):
    assume(window <= min(budget, seen))
    shares = pyramid(Pyramid(base=base, beta=beta), budget, seen=seen, window=window, layers=layers)
    assert sum(shares) == budget * layers
    assert shares == sorted(shares, reverse=True)
    assert min(shares) >= max(1, window, min(base, budget))
    assert max(shares) <= max(budget, seen)


def test_a_pyramid_is_refused_where_a_layer_could_lose_what_must_stay():
    with pytest.raises(PlanError, match=r"base=0 is outside 5 .. ∞: .* write allocator=pyramid\(base=5\)"):
        Plan.parse("policy=streamingllm(budget=50,allocator=pyramid)")
    Plan.parse("policy=streamingllm(budget=50,allocator=pyramid(base=5))")
    Plan.parse("policy=snapkv(window=32,allocator=pyramid)")
    Plan.parse("policy=knorm(allocator=pyramid)")


@pytest.mark.parametrize("when", ["end", "chunk"])
def test_sessions_keep_a_pyramid(when):
    plan = f"policy=pyramidkv(budget=40,window=8,allocator=pyramid(base=8),when={when})"
    with tiny_model().session(plan, chunk=64) as session:
        rows = kept(session.read(tokens(200)))
    assert [[len(row) for row in layer] for layer in rows] == [[70] * 2, [40] * 2, [10] * 2]
    assert all(row[-8:] == list(range(192, 200)) for layer in rows for row in layer)

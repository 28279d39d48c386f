"""Merging disposers against loops, and what holds for all of them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity
from torch.testing import assert_close

from longspan.policies.disposers import nearest as nearest_module
from longspan.policies.disposers.cam import CaM, chances, following, spread
from longspan.policies.disposers.ems import EvictThenMerge
from longspan.policies.disposers.kvmerger import KVMerger
from longspan.policies.disposers.look_m import LookM
from longspan.policies.disposers.merge import Merge
from longspan.policies.disposers.merger import Row
from longspan.policies.disposers.nearest import nearest, weights
from longspan.policies.view import View
from longspan.store.form import Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger
from scenes import scene

MERGERS = [
    Merge(),
    Merge(threshold=-1.0),
    LookM(merge="averaged"),
    LookM(merge="pivotal"),
    LookM(merge="weighted"),
    KVMerger(threshold=0.0),
    CaM(merge_budget=3),
    CaM(merge_budget=3, normalized=False),
    EvictThenMerge(threshold=0.0),
]
BETWEEN = [
    each for each in MERGERS if each not in (LookM(merge="weighted"), CaM(merge_budget=3, normalized=False))
]
INFINITY = float("inf")


def view_of(lengths: list[int], seen: int = 40) -> View:
    """A layer of which only the shape matters."""
    rows, longest = len(lengths), max(lengths)
    return View(
        keys=torch.zeros(rows, longest, 4),
        values=torch.zeros(rows, longest, 4),
        positions=torch.arange(longest).expand(rows, -1),
        lengths=lengths,
        queries=torch.zeros(rows, 0, 4),
        query_positions=torch.zeros(0, dtype=torch.long),
        scene=scene(seen=seen, scale=0.5),
    )


@st.composite
def rows(draw: st.DrawFn, negative: bool = True) -> Row:
    """Entries whose keys drift along the row, so that neighbours are alike; some of the kept must stay."""
    count = draw(st.integers(2, 20))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    noise = torch.randn(count, 4, generator=generator)
    keys = (0.5 * noise).cumsum(0) if draw(st.booleans()) else noise
    kept = sorted(draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=count - 1)))
    scores = torch.randn(count, generator=generator)
    if not negative or draw(st.booleans()):
        scores = scores.abs()
    scores[[entry for entry in kept if draw(st.integers(0, 3)) == 0]] = INFINITY
    return Row(
        keys=keys,
        values=torch.randn(count, 4, generator=generator),
        scores=scores,
        kept=torch.tensor(kept),
        dropped=torch.tensor(sorted({*range(count)} - {*kept})),
        number=0,
    )


def merged(merger, row: Row):
    return merger.merged(row, view_of([len(row.keys)]))


def naive_weights(scores: list[float]) -> list[float]:
    finite = [score for score in scores if math.isfinite(score)]
    low, high = min([*finite, 0.0]), max(finite, default=1.0)
    return [(high if score == INFINITY else score) - low for score in scores]


def most_alike(row: Row, entry: int) -> tuple[int, float]:
    """The place of the kept key nearest to an entry's, and their cosine."""
    cosines = [float(cosine_similarity(row.keys[entry], row.keys[other], dim=0)) for other in row.kept]
    return cosines.index(max(cosines)), max(cosines)


def mean(parts: list[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """Of vectors with weights; the first where all weights are 0."""
    total = sum(weight for weight, _ in parts)
    return parts[0][1] if total == 0 else sum(weight / total * vector for weight, vector in parts)


# The shared work.


@given(rows())
def test_nearest_is_the_kept_key_of_the_highest_cosine(row):
    places, cosines = nearest(row.keys, row.kept, row.dropped)
    for entry, place, cosine in zip(row.dropped.tolist(), places.tolist(), cosines.tolist(), strict=True):
        expected = most_alike(row, entry)
        assert place == expected[0]
        assert cosine == pytest.approx(expected[1], abs=1e-5)


def test_nearest_is_the_same_in_blocks(monkeypatch):
    keys = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    kept, dropped = torch.arange(0, 50, 3), torch.tensor([i for i in range(50) if i % 3])
    whole = nearest(keys, kept, dropped)
    monkeypatch.setattr(nearest_module, "_CELLS", 40)
    places, cosines = nearest(keys, kept, dropped)
    assert torch.equal(places, whole[0])
    assert_close(cosines, whole[1])


@given(st.lists(st.floats(-5, 5, width=32) | st.sampled_from([INFINITY]), min_size=1, max_size=9))
def test_weights_are_scores_that_are_not_negative(scores):
    found = weights(torch.tensor(scores))
    assert_close(found, torch.tensor(naive_weights(scores)))
    assert bool((found >= 0).all())


def test_what_is_no_entry_weighs_nothing():
    assert weights(torch.tensor([-INFINITY, -3.0, -1.0])).tolist() == [0.0, 0.0, 2.0]
    assert weights(torch.tensor([-INFINITY, INFINITY])).tolist() == [0.0, 1.0]


# Each method against a loop.


@given(rows(), st.sampled_from([-1.0, 0.0, 0.5]))
def test_merge_is_that_of_a_loop(row, threshold):
    weight = naive_weights(row.scores.tolist())
    keys, values = merged(Merge(threshold=threshold), row)
    for place, entry in enumerate(row.kept.tolist()):
        joining = [
            other
            for other in row.dropped.tolist()
            if most_alike(row, other)[0] == place and most_alike(row, other)[1] >= threshold
        ]
        for new, old in ((keys, row.keys), (values, row.values)):
            expected = mean([(weight[each], old[each]) for each in (entry, *joining)])
            assert_close(new[place], expected, atol=1e-5, rtol=1e-5)


@given(rows())
def test_look_m_is_that_of_a_loop(row):
    found = {each: merged(LookM(merge=each), row) for each in ("averaged", "pivotal", "weighted")}
    for place, entry in enumerate(row.kept.tolist()):
        near = {
            other: most_alike(row, other)[1]
            for other in row.dropped.tolist()
            if most_alike(row, other)[0] == place
        }
        for part, old in enumerate((row.keys, row.values)):
            own = old[entry]
            sums = {
                "averaged": own + sum(old[other] for other in near),
                "pivotal": own + sum((old[other] + own) / 2 for other in near),
                "weighted": own + sum(cosine * old[other] for other, cosine in near.items()),
            }
            for each, total in sums.items():
                assert_close(found[each][part][place], total / (len(near) + 1), atol=1e-5, rtol=1e-5)


@given(rows(), st.sampled_from([-1.0, 0.0, 0.75]), st.sampled_from([0.5, 5.0]))
def test_kvmerger_is_that_of_a_loop(row, threshold, sigma):
    sets = [[0]]
    for entry in range(1, len(row.keys)):
        alike = float(cosine_similarity(row.keys[entry], row.keys[entry - 1], dim=0)) > threshold
        free = INFINITY not in (float(row.scores[entry]), float(row.scores[entry - 1]))
        if alike and free:
            sets[-1].append(entry)
        else:
            sets.append([entry])
    kept = row.kept.tolist()
    expected = {"keys": row.keys.clone(), "values": row.values.clone()}
    for members in sets:
        staying = [entry for entry in members if entry in kept]
        if not staying:
            continue
        pivot = max(staying, key=lambda entry: float(row.scores[entry]))
        parts = [pivot, *(entry for entry in members if entry not in kept)]
        near = [
            math.exp(-(float((row.keys[pivot] - row.keys[each]).norm()) ** 2) / (2 * sigma**2))
            for each in parts
        ]
        for name, old in (("keys", row.keys), ("values", row.values)):
            expected[name][pivot] = mean(
                [(weight, old[each]) for weight, each in zip(near, parts, strict=True)]
            )
    keys, values = merged(KVMerger(threshold=threshold, sigma=sigma), row)
    assert_close(keys, expected["keys"][row.kept], atol=1e-5, rtol=1e-5)
    assert_close(values, expected["values"][row.kept], atol=1e-5, rtol=1e-5)


@given(rows(), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([0.0, 0.6]))
def test_ems_is_that_of_a_loop(row, middle, threshold):
    weight = naive_weights(row.scores.tolist())
    best = sorted(row.dropped.tolist(), key=lambda entry: -float(row.scores[entry]))
    keys, values = merged(EvictThenMerge(middle=middle, threshold=threshold), row)
    for place, entry in enumerate(row.kept.tolist()):
        members = [entry]
        for other in best[: int(middle * len(row.kept))]:
            centre, cosine = most_alike(row, other)
            if centre == place and cosine >= threshold:
                members.append(other)
        direction = mean([(weight[each], row.keys[each] / row.keys[each].norm()) for each in members])
        expected = direction / direction.norm() * row.keys[entry].norm()
        assert_close(keys[place], expected, atol=1e-4, rtol=1e-4)
        expected = mean([(weight[each], row.values[each]) for each in members])
        assert_close(values[place], expected, atol=1e-5, rtol=1e-5)


@given(rows(), st.integers(1, 6))
def test_cam_spreads_a_value_over_the_kept_ones_that_follow(row, most):
    weight = naive_weights(row.scores.tolist())
    kept, drops = row.kept.tolist(), row.dropped.tolist()
    first, count = following(row.kept, row.dropped, most)
    chance = chances(weights(row.scores)[row.kept], weights(row.scores)[row.dropped], first, count)
    added, received = spread(row.values[row.dropped], first, count, len(kept))
    sums, parts = [torch.zeros(4) for _ in kept], [0.0] * len(kept)
    for number, entry in enumerate(drops):
        after = [place for place, other in enumerate(kept) if other > entry][:most]
        for place in after:
            sums[place] = sums[place] + row.values[entry] / len(after)
            parts[place] += 1 / len(after)
        average = sum(weight[kept[place]] for place in after) / max(1, len(after))
        expected = min(1.0, weight[entry] / average) if average > 0 else float(weight[entry] > 0)
        assert float(chance[number]) == pytest.approx(expected, abs=1e-4)
    assert_close(added, torch.stack(sums), atol=1e-5, rtol=1e-5)
    assert_close(received, torch.tensor(parts), atol=1e-5, rtol=1e-5)


def test_cam_keeps_the_weighted_sum_on_average():
    """What the published operator promises: attention times values, summed over the row, stays the same."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.cat((torch.rand(8, generator=generator) * 0.1, torch.full((8,), 0.2)))
    values = torch.randn(16, 4, generator=generator)
    row = Row(
        keys=torch.randn(16, 4, generator=generator),
        values=values,
        scores=scores,
        kept=torch.arange(8, 16),
        dropped=torch.arange(8),
        number=0,
    )
    found = [
        scores[8:] @ CaM(merge_budget=4, normalized=False, seed=seed).merged(row, view_of([16]))[1]
        for seed in range(1000)
    ]
    assert_close(torch.stack(found).mean(0), scores @ values, atol=0.02, rtol=0)


def test_cam_draws_the_same_again_and_anew_elsewhere():
    generator = torch.Generator().manual_seed(0)
    values, scores = torch.randn(64, 4, generator=generator), torch.ones(64)
    scores[::2] = 0.5
    parts = {"values": values, "keys": values, "scores": scores}
    row = Row(**parts, kept=torch.arange(1, 64, 2), dropped=torch.arange(0, 64, 2), number=0)
    other = Row(**parts, kept=row.kept, dropped=row.dropped, number=1)
    draws = [
        CaM(seed=seed).merged(each, view_of([64, 64], seen))[1]
        for seed, each, seen in ((0, row, 64), (0, row, 64), (1, row, 64), (0, other, 64), (0, row, 65))
    ]
    assert torch.equal(draws[0], draws[1])
    assert not any(torch.equal(draws[0], each) for each in draws[2:])


# What holds for all.


@pytest.mark.parametrize("merger", BETWEEN, ids=repr)
@given(row=rows())
def test_means_lie_between_what_was_merged(merger, row):
    keys, values = merged(merger, row)
    assert bool((values <= row.values.amax(0) + 1e-5).all() & (values >= row.values.amin(0) - 1e-5).all())
    assert bool((keys.norm(dim=-1) <= row.keys.norm(dim=-1).max() + 1e-5).all())


@pytest.mark.parametrize("merger", MERGERS, ids=repr)
@given(row=rows(), power=st.sampled_from([-30, 0, 15]))
def test_numbers_stay_finite(merger, row, power):
    scaled = Row(
        keys=row.keys * 10.0**power,
        values=row.values * 10.0**power,
        scores=row.scores * 10.0**power,
        kept=row.kept,
        dropped=row.dropped,
        number=0,
    )
    assert all(bool(part.isfinite().all()) for part in merged(merger, scaled))


@pytest.mark.parametrize("merger", [each for each in MERGERS if not isinstance(each, LookM)], ids=repr)
def test_nothing_alike_and_nothing_heard_changes_nothing(merger):
    """A dropped entry of weight 0 whose key is at right angles to all, before whom nothing else was dropped."""
    row = Row(
        keys=torch.eye(4)[:3],
        values=torch.eye(4)[1:],
        scores=torch.tensor([2.0, INFINITY, 0.0]),
        kept=torch.tensor([0, 1]),
        dropped=torch.tensor([2]),
        number=0,
    )
    keys, values = merged(merger, row)
    assert torch.equal(keys, row.keys[:2])
    assert torch.equal(values, row.values[:2])


def filled(lengths: list[int], dtype: torch.dtype = torch.float32) -> LayerStore:
    """A store whose rows have these lengths."""
    generator = torch.Generator().manual_seed(1)
    store, longest = LayerStore(len(lengths), Plain(), Ledger()), max(lengths)
    made = [torch.randn(len(lengths), longest, 4, generator=generator).to(dtype) for _ in range(2)]
    store.append(*made)
    store.keep([torch.arange(longest - length, longest) for length in lengths])
    return store


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("merger", MERGERS, ids=repr)
def test_rows_of_any_length_are_merged_one_by_one(merger, dtype):
    store = filled([9, 4, 6, 1], dtype)
    keys, values = (part.clone() for part in store.vectors())
    positions = store.positions()
    scores = torch.rand(4, 9, generator=torch.Generator().manual_seed(2))
    kept = [
        torch.tensor([0, 4, 7]),
        torch.tensor([0, 1, 2, 3]),
        torch.tensor([], dtype=torch.long),
        torch.tensor([0]),
    ]
    merger.dispose(store, kept, scores, view_of([9, 4, 6, 1]))
    assert store.lengths == [3, 4, 0, 1]
    new_keys, new_values = store.vectors()
    assert new_keys.dtype == dtype
    assert store.positions()[0, :3].tolist() == positions[0, kept[0]].tolist()
    for row in (1, 3):
        assert torch.equal(new_keys[row, : len(kept[row])], keys[row, kept[row]])
        assert torch.equal(new_values[row, : len(kept[row])], values[row, kept[row]])
    row = Row(
        keys=keys[0].float(),
        values=values[0].float(),
        scores=scores[0],
        kept=kept[0],
        dropped=torch.tensor([1, 2, 3, 5, 6, 8]),
        number=0,
    )
    expected = merger.merged(row, view_of([9, 4, 6, 1]))
    assert_close(new_keys[0, :3], expected[0].to(dtype))
    assert_close(new_values[0, :3], expected[1].to(dtype))
    assert not torch.equal(new_values[0, :3], values[0, kept[0]])


@pytest.mark.parametrize("merger", MERGERS, ids=repr)
def test_merging_again_and_again_stays_finite(merger):
    generator = torch.Generator().manual_seed(3)
    store = filled([12, 8])
    for step in range(30):
        lengths = store.lengths
        scores = torch.rand(2, max(lengths), generator=generator)
        kept = [torch.arange(0, length, 2) for length in lengths]
        merger.dispose(store, kept, scores, view_of(lengths, 40 + step))
        store.append(torch.randn(2, 6, 4, generator=generator), torch.randn(2, 6, 4, generator=generator))
    assert all(bool(part.isfinite().all()) for part in store.vectors())


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda: Merge(threshold=1.5), "threshold=1.5"),
        (lambda: KVMerger(threshold=-2.0), "threshold=-2.0"),
        (lambda: KVMerger(sigma=0.0), "sigma=0"),
        (lambda: LookM(merge="mean"), "merge='mean'"),
        (lambda: CaM(merge_budget=0), "merge_budget=0"),
        (lambda: CaM(seed=-1), "seed=-1"),
        (lambda: EvictThenMerge(middle=-1.0), "middle=-1.0"),
        (lambda: EvictThenMerge(threshold=-0.5), "threshold=-0.5"),
    ],
)
def test_parameters_out_of_range_are_refused(make, wrong):
    with pytest.raises(ValueError, match=r"outside|not one of") as refused:
        make()
    assert wrong in str(refused.value)

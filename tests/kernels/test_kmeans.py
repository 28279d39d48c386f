"""k-means, against loops that read like its definition."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import clusters
from longspan.kernels.clusters import kmeans, nearest


def points(sets, count, dim, seed):
    return torch.randn(sets, count, dim, generator=torch.Generator().manual_seed(seed))


def nearest_of_all(point, centroids):
    distances = [math.dist(point, centroid) for centroid in centroids]
    return distances.index(min(distances))


def lloyd(vectors, k, iterations, seed):
    """One set, as plain lists."""
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed)).tolist()
    centroids = [vectors[order[place % len(vectors)]] for place in range(k)]
    for _ in range(iterations):
        labels = [nearest_of_all(vector, centroids) for vector in vectors]
        far = sorted(
            range(len(vectors)), key=lambda place: -math.dist(vectors[place], centroids[labels[place]])
        )
        anew = iter(far)
        moved = []
        for cluster in range(k):
            members = [vector for vector, label in zip(vectors, labels, strict=True) if label == cluster]
            if members:
                moved.append([sum(channel) / len(members) for channel in zip(*members, strict=True)])
            else:
                moved.append(vectors[next(anew)])
        centroids = moved
    return centroids, [nearest_of_all(vector, centroids) for vector in vectors]


@given(
    st.integers(1, 3),
    st.integers(1, 20),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(0, 999),
)
def test_it_is_lloyds_algorithm(sets, count, dim, k, iterations, seed):
    x = points(sets, count, dim, seed)
    k = min(k, count)
    centroids, labels = kmeans(x, k, iterations=iterations, seed=seed)
    for mine, chosen, vectors in zip(centroids, labels, x.double().tolist(), strict=True):
        want, want_labels = lloyd(vectors, k, iterations, seed)
        assert_close(mine, torch.tensor(want), atol=1e-4, rtol=1e-4)
        assert chosen.tolist() == want_labels


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_labels_name_the_nearest_of_the_centroids(sets, count, dim, k, seed):
    x = points(sets, count, dim, seed)
    centroids, labels = kmeans(x, k, iterations=3, seed=seed)
    assert torch.equal(labels, nearest(x, centroids))
    chosen = centroids.gather(1, labels[..., None].expand(-1, -1, dim))
    distances = torch.cdist(x, centroids, compute_mode="donot_use_mm_for_euclid_dist")
    assert_close((x - chosen).norm(dim=-1), distances.amin(-1), atol=1e-3, rtol=1e-3)


def test_more_rounds_bring_vectors_nearer():
    x = points(2, 500, 3, 0)
    losses = []
    for iterations in (0, 1, 5, 50):
        centroids, labels = kmeans(x, 12, iterations=iterations, seed=1)
        chosen = centroids.gather(1, labels[..., None].expand(-1, -1, 3))
        losses.append(float((x - chosen).square().sum()))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


def test_far_apart_heaps_are_found_whatever_the_seed():
    heaps = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    x = (heaps[:, None] + 0.01 * points(1, 25, 2, 0)).reshape(1, 100, 2)
    for seed in range(5):
        centroids, labels = kmeans(x, 8, iterations=20, seed=seed)
        chosen = centroids[0, labels[0]]
        assert (x[0] - chosen).norm(dim=-1).max() < 0.1


def test_by_direction_length_does_not_matter():
    x = points(2, 60, 4, 3)
    lengths = torch.rand(2, 60, 1, generator=torch.Generator().manual_seed(4)) * 100 + 0.01
    one, two = (kmeans(each, 5, iterations=10, seed=0, cosine=True) for each in (x, x * lengths))
    assert_close(one[0], two[0], atol=1e-4, rtol=1e-4)
    assert torch.equal(one[1], two[1])
    assert_close(one[0].norm(dim=-1), torch.ones(2, 5))
    similarity = torch.nn.functional.normalize(x, dim=-1) @ one[0].transpose(1, 2)
    assert torch.equal(similarity.argmax(-1), one[1])


def test_the_seed_decides():
    x = points(1, 200, 3, 0)
    first, again, other = (kmeans(x, 9, iterations=4, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("x", [torch.zeros(2, 7, 3), torch.ones(1, 1, 2)])
def test_equal_vectors_are_one_cluster(x):
    centroids, labels = kmeans(x, 4, iterations=5, seed=0)
    assert bool(torch.isfinite(centroids).all())
    assert len(labels.unique()) == 1
    assert bool((centroids[:, labels[0, 0]] == x[:, 0]).all())


def test_an_empty_cluster_begins_anew_at_the_farthest_vector():
    x = torch.tensor([[[0.0], [0.0], [1.0], [10.0]]])
    begins_with_both_zeros = next(
        seed
        for seed in range(99)
        if set(torch.randperm(4, generator=torch.Generator().manual_seed(seed))[:2].tolist()) == {0, 1}
    )
    centroids, labels = kmeans(x, 2, iterations=2, seed=begins_with_both_zeros)
    assert sorted(centroids.flatten().tolist()) == pytest.approx([1 / 3, 10])
    assert len(labels[0, :3].unique()) == 1


def test_blocks_change_nothing(monkeypatch):
    x = points(2, 100, 3, 0)
    whole = kmeans(x, 7, iterations=3, seed=0)
    monkeypatch.setattr(clusters, "_ELEMENTS", 50)
    blocks = kmeans(x, 7, iterations=3, seed=0)
    assert_close(whole[0], blocks[0])
    assert torch.equal(whole[1], blocks[1])


@pytest.mark.parametrize(
    ("count", "k", "iterations", "name"), [(3, 0, 1, "k=0"), (3, 2, -1, "iterations=-1"), (0, 2, 1, "n=0")]
)
def test_what_cannot_be_is_refused(count, k, iterations, name):
    with pytest.raises(ValueError, match=name):
        kmeans(torch.zeros(1, count, 2), k, iterations=iterations, seed=0)


def test_k_means_plus_plus_draws_by_squared_distance():
    x = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(0))
    chances = torch.rand(6, 2, 1, generator=torch.Generator().manual_seed(7))
    centroids, _ = kmeans(x, 6, iterations=0, seed=7, begin="k-means++")
    for number, vectors in enumerate(x.tolist()):
        found: list[list[float]] = []
        for chance in chances[:, number, 0].tolist():
            far = [min((math.dist(each, other) ** 2 for other in found), default=1.0) for each in vectors]
            target, passed, place = chance * sum(far), far[0], 0
            while passed <= target:
                place += 1
                passed += far[place]
            found.append(vectors[place])
        assert torch.allclose(centroids[number], torch.tensor(found))


def test_k_means_plus_plus_begins_in_each_of_two_far_groups():
    groups = torch.cat((torch.zeros(39, 2), torch.full((1, 2), 1000.0)))[None]
    for seed in range(5):
        labels = kmeans(groups, 2, iterations=0, seed=seed, begin="k-means++")[1][0]
        assert len(set(labels[:39].tolist())) == 1
        assert labels[39] != labels[0]
    assert kmeans(torch.ones(1, 5, 2), 3, iterations=2, seed=0, begin="k-means++")[0].isfinite().all()

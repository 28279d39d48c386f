"""Squeezed Attention: clusters of keys, centroids, and a threshold; against loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from visits import choice, generate, lists, random, visit

from longspan.kernels.clusters import kmeans
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.clusters import Clusters
from longspan.selectors.retrieve import Retrieve
from longspan.selectors.reuses.layers import Layers
from longspan.selectors.scorings.joint import Joint
from longspan.selectors.squeezed import Squeezed

SEEDS = st.integers(0, 999)


def estimated(query, keys, clusters):
    """The paper's estimate of the weight of a key in each cluster, for one head."""
    match = [float(query @ keys[members].mean(0)) / math.sqrt(len(query)) for members in clusters]
    total = sum(len(members) * math.exp(m) for members, m in zip(clusters, match, strict=True))
    return [math.exp(m) / total for m in match]


def clustered(keys, stop, share):
    """Per row the members of each cluster of its entries before `stop`."""
    count = max(1, round(share * stop))
    _, labels = kmeans(keys[:, :stop], count, iterations=10, seed=0, cosine=True)
    return [[(row == number).nonzero()[:, 0].tolist() for number in range(count)] for row in labels]


@given(st.floats(0.15, 0.4), st.floats(0.05, 0.9), st.integers(30, 80), SEEDS)
def test_heads_visit_the_clusters_above_a_common_threshold(share, budget, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1) * 2
    visited = choice(Squeezed(clusters=share, budget=budget, local=5, segment=length - 5), query, keys)
    if length - 5 <= int(length * budget):
        assert visited == [list(range(length))] * 4
        return
    clusters = clustered(keys, length - 5, share)
    ranked = []
    for head in range(4):
        members = clusters[head // 2]
        weights = estimated(query[head], keys[head // 2], [each for each in members if each])
        ranked += [
            (w, head, each) for w, each in zip(weights, [each for each in members if each], strict=True)
        ]
    ranked.sort(key=lambda each: each[0], reverse=True)
    expected, used = [set(range(length - 5, length)) for _ in range(4)], 0
    for _, head, members in ranked:
        used += len(members)
        if used > int(length * budget) * 4:
            break
        expected[head].update(members)
    assert visited == [sorted(each) for each in expected]


@given(st.floats(0.001, 0.2), st.integers(40, 80), SEEDS)
def test_a_given_threshold_is_the_one_of_the_paper(level, length, seed):
    keys, query = random(2, length, 8, seed=seed), random(4, 8, seed=seed + 1) * 2
    visited = choice(Squeezed(clusters=0.2, threshold=level, local=5, segment=30), query, keys)
    # Equal parts, none longer than a segment, each with its own clusters.
    waiting, clusters, begin = length - 5, [[], []], 0
    parts = -(-waiting // 30)
    for part in range(1, parts + 1):
        end = waiting * part // parts
        for row, found in enumerate(clustered(keys[:, begin:], end - begin, 0.2)):
            clusters[row] += [[entry + begin for entry in members] for members in found if members]
        begin = end
    for head in range(4):
        weights = estimated(query[head], keys[head // 2], clusters[head // 2])
        taken = [
            e for w, members in zip(weights, clusters[head // 2], strict=True) if w > level for e in members
        ]
        assert visited[head] == sorted([*taken, *range(length - 5, length)])


def test_two_levels_look_only_into_the_better_half():
    keys, query = random(2, 400, 8, seed=0), random(4, 8, seed=1)
    both = [
        choice(Squeezed(clusters=0.2, budget=0.3, levels=n, local=5, segment=395), query, keys)
        for n in (1, 2)
    ]
    few, many = (sum(map(len, each)) for each in reversed(both))
    assert few <= many <= 4 * (0.3 * 400 + 5)
    assert both[0] != both[1]
    shared = [len(set(a) & set(b)) / len(b) for a, b in zip(*both, strict=True)]
    assert min(shared) > 0.5


def test_later_entries_are_clustered_as_they_gather():
    keys, queries = random(2, 150, 8, seed=0), random(60, 4, 8, seed=1)
    summary = Squeezed(clusters=0.2, budget=0.2, local=4, segment=32).summary()
    covered = []
    for step, visited in enumerate(generate(summary, queries, keys, 70)):
        covered.append(summary.covered)
        for each in visited:
            assert each == sorted(set(each))
            assert set(range(covered[-1], 70 + step)) <= set(each)
    assert covered[0] == 66
    assert sorted(set(covered)) == [66, 98]


@pytest.mark.parametrize(
    "part",
    [{"scoring": Joint()}, {"digest": Keys()}, {"reuse": Layers()}],
    ids=["scoring", "digest", "reuse"],
)
def test_clusters_cannot_be_compared_over_rows_or_layers(part):
    with pytest.raises(ValueError, match="differ from row to row; choose another"):
        Retrieve(grouping=Clusters(), **part)


def test_a_cluster_without_entries_changes_nothing():
    keys = torch.ones(1, 40, 4)  # one direction: all but one cluster stay empty
    query = random(2, 4, seed=0)
    each = visit(query, keys, 40)
    summary = Squeezed(clusters=0.2, budget=0.5, local=4, segment=36).summary()
    summary.extend(each)
    for visited in lists(summary.select(each), 2, 40):
        assert visited[-4:] == [36, 37, 38, 39]

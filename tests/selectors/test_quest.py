"""Quest: its bounds, the pages it chooses, and the logits it gives, against loops over pages."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from visits import choice, random, visit

from longspan.selectors.quest import Quest
from naive_llama import causal, naive_logits
from tiny import tiny_model, tokens


def naive_pages(query: torch.Tensor, keys: torch.Tensor, size: int, pages: int) -> set[int]:
    """The entries that one query `[dim]` visits of keys `[n, dim]`: the last page and the best of the others."""
    starts = list(range(0, len(keys), size))
    *others, last = starts
    bounds = {}
    for start in others:
        page = keys[start : start + size]
        bounds[start] = sum(
            max(q * channel.min(), q * channel.max()) for q, channel in zip(query, page.T, strict=True)
        )
    best = sorted(others, key=bounds.__getitem__, reverse=True)[: pages - 1]
    return {entry for start in [*best, last] for entry in range(start, min(start + size, len(keys)))}


@given(
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 5),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(3, 6),
    st.integers(0, 999),
)
def test_chosen_pages_are_those_of_a_loop(rows, group, size, growth, pages, seed):
    keys = random(rows, sum(growth), 4, seed=seed)
    query = random(rows * group, 4, seed=seed + 1)
    summary = Quest(budget=pages * size, page=size).summary()
    entries = 0
    for more in growth:  # keys come bit by bit, as while generating
        entries += more
        each = visit(query, keys, entries)
        summary.extend(each)
        assert summary.covered <= entries
        chosen = summary.select(each)
        for head in range(rows * group):
            expected = naive_pages(query[head], keys[head // group, :entries], size, pages)
            if chosen is None:
                assert expected == set(range(entries))
            else:
                assert chosen.index[head].tolist() == sorted(expected)


@given(st.integers(2, 6), st.integers(4, 20), st.integers(0, 999))
def test_no_key_of_a_page_left_out_beats_the_bound_of_one_taken(size, count, seed):
    keys = random(1, size * count, 4, seed=seed)
    query = random(1, 4, seed=seed + 1)
    (entries,) = choice(Quest(budget=3 * size, page=size), query, keys)
    taken = sorted({entry // size for entry in entries} - {count - 1})
    scores = (keys[0] @ query[0]).unflatten(0, (count, size))
    pages = keys[0].unflatten(0, (count, size))
    bounds = torch.maximum(query * pages.amax(1), query * pages.amin(1)).sum(-1)
    assert bool((scores <= bounds[:, None] + 1e-5).all())
    assert len(taken) == 2
    for page in set(range(count - 1)) - set(taken):
        assert scores[page].max() <= bounds[taken].min() + 1e-5


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_a_full_budget_is_dense_exactly(family):
    model, ids = tiny_model(family), tokens(100)

    def logits(plan):
        with model.session(plan) as session:
            session.read(ids[:80])
            return torch.cat([session.logits([token]) for token in ids[80:].tolist()])

    assert torch.equal(logits("selector=quest(budget=112,dense=0)"), logits(""))
    assert not torch.equal(logits("selector=quest(budget=48,dense=0)"), logits(""))


@pytest.mark.parametrize("dense", [0, 2])
def test_logits_are_those_of_the_chosen_pages(dense):
    model, ids = tiny_model(), tokens(101)
    layers = iter(range(3))

    def visible(query, key):
        mask = causal(101).repeat(4, 1, 1)
        if next(layers) >= dense:
            for head in range(4):
                chosen = naive_pages(query[head, -1], key[head], 8, 5)
                mask[head, -1] = torch.tensor([entry in chosen for entry in range(101)])
        return mask

    expected = naive_logits(model.network, ids, visible)[-1]
    assert not torch.allclose(expected, naive_logits(model.network, ids, causal(101))[-1], atol=1e-3)
    with model.session(f"selector=quest(budget=40,page=8,dense={dense})") as session:
        session.read(ids[:-1])
        assert_close(session.logits(ids[-1:])[0], expected, atol=1e-5, rtol=0)


def test_reading_is_dense():
    model, ids = tiny_model(), tokens(100)
    read = []
    for plan in ("", "selector=quest(budget=16,page=4,dense=0)"):
        with model.session(plan, chunk=33) as session:  # the last chunk is a single token
            read.append(next(session.read(ids).generate()).token)
    assert read[0] == read[1]


def test_bounds_are_counted():
    model = tiny_model()
    with model.session("selector=quest(budget=32,page=8,dense=1)") as session:
        session.read(tokens(100))
        entries = 3 * 2 * (100 + 10) * 2 * 16 * 4
        assert session.usage.kv_bytes == entries - 3 * 2 * 10 * 2 * 16 * 4
        list(session.generate(max_new_tokens=10))
        pages = (100 + 9) // 8
        held = session.usage.kv_bytes - entries
        assert 2 * 2 * pages * 2 * 16 * 4 <= held <= 2 * (2 * 2 * pages * 2 * 16 * 4)
